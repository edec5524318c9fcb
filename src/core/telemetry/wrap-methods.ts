/** Runs instead of a method; `call` calls the original, with the arguments that it is given, by default `args`. */
export type MethodWrapper = (call: (args?: readonly unknown[]) => unknown, args: readonly unknown[]) => unknown;

type Method = (...args: unknown[]) => unknown;

/** Hooks of a proxy for properties that are not methods. */
export interface PropertyHooks {
  /** Returns the value that is read instead; undefined: as without the hook. */
  readonly read?: (key: PropertyKey, value: unknown) => unknown;
  /** Returns the value that is written instead. */
  readonly write?: (key: PropertyKey, value: unknown) => unknown;
}

/**
 * Creates a proxy of `original` whose named methods are wrapped.
 *
 * A proxy, unlike an object that delegates by name, has the methods of later versions, passes `instanceof`, and writes to the original. Every
 * method runs with the original as its `this`, because private members (`#name`) cannot be read through a proxy; methods that the original
 * calls on itself are therefore not wrapped.
 */
export function wrapMethods<T extends object>(
  original: T,
  wrappers: ReadonlyMap<PropertyKey, MethodWrapper>,
  hooks: PropertyHooks = {},
): T {
  const cache = new Map<PropertyKey, { readonly source: unknown; readonly method: unknown }>();
  const sources = new WeakMap<object, unknown>();
  const proxy: T = new Proxy(withReplaceableMethods(original), {
    get(_, key) {
      const source: unknown = Reflect.get(original, key, original);
      const replacement = hooks.read?.(key, source);
      if (replacement !== undefined) return replacement;
      if (typeof source !== "function" || key === "constructor") return source;
      const cached = cache.get(key);
      if (cached !== undefined && cached.source === source) return cached.method;
      const method = wrapMethod(source as Method, wrappers.get(key));
      cache.set(key, { source, method });
      return method;
    },
    set(_, key, value: unknown) {
      // What was read through the proxy and is written back, such as a method that was replaced for a while, becomes the original again.
      const source = typeof value === "function" ? (sources.get(value) ?? value) : value;
      return Reflect.set(original, key, hooks.write === undefined ? source : hooks.write(key, source), original);
    },
  });

  function wrapMethod(source: Method, wrapper: MethodWrapper | undefined): unknown {
    const method = new Proxy(source, {
      apply(_, self, args: unknown[]) {
        const call = (changed: readonly unknown[] = args): unknown =>
          Reflect.apply(source, self === proxy ? original : self, changed);
        return wrapper === undefined ? call() : wrapper(call, args);
      },
    });
    sources.set(method, source);
    return method;
  }

  return proxy;
}

/**
 * The target of the proxy: the original, or a copy of it if it has methods that are neither configurable nor writable (a frozen object), for
 * which a proxy must return the target's own value.
 */
function withReplaceableMethods<T extends object>(original: T): T {
  const properties = Object.getOwnPropertyDescriptors(original) as Record<PropertyKey, PropertyDescriptor>;
  const keys = Reflect.ownKeys(properties);
  const hasFixedMethod = keys.some((key) => {
    const { configurable, writable, value } = properties[key] as PropertyDescriptor;
    return configurable === false && writable === false && typeof value === "function";
  });
  if (!hasFixedMethod) return original;
  for (const key of keys) (properties[key] as PropertyDescriptor).configurable = true;
  return Object.create(Object.getPrototypeOf(original) as object | null, properties) as T;
}
