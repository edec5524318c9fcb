/** A method of an object as it is called: by whom, and how to call the original. */
export type Around = (call: () => unknown, args: readonly unknown[]) => unknown;

type Method = (...args: unknown[]) => unknown;

/**
 * An object that is `original` in all but the methods that `around` names.
 *
 * A proxy, and no object that delegates by name: methods of later versions are there, `instanceof` holds, and what is written goes to the
 * original. Every method, also one that we do not know, runs with the original as its `this`: a private member (`#name`) cannot be read
 * through a proxy. So what the original calls on itself is not followed.
 */
export function withMethods<T extends object>(original: T, around: ReadonlyMap<PropertyKey, Around>): T {
  const made = new Map<PropertyKey, { readonly source: unknown; readonly method: unknown }>();
  const proxy: T = new Proxy(replaceable(original), {
    get(_, key) {
      const source: unknown = Reflect.get(original, key, original);
      if (typeof source !== "function" || key === "constructor") return source;
      const known = made.get(key);
      if (known !== undefined && known.source === source) return known.method;
      const method = follow(source as Method, around.get(key));
      made.set(key, { source, method });
      return method;
    },
    set: (_, key, value) => Reflect.set(original, key, value, original),
  });

  function follow(source: Method, wrapper: Around | undefined): unknown {
    return new Proxy(source, {
      apply(_, self, args: unknown[]) {
        const call = (): unknown => Reflect.apply(source, self === proxy ? original : self, args);
        return wrapper === undefined ? call() : wrapper(call, args);
      },
    });
  }

  return proxy;
}

/** What a proxy can stand before: it may not answer with another function than a property that can never change has. */
function replaceable<T extends object>(original: T): T {
  const properties = Object.getOwnPropertyDescriptors(original) as Record<PropertyKey, PropertyDescriptor>;
  const keys = Reflect.ownKeys(properties);
  const fixed = keys.some((key) => {
    const { configurable, writable, value } = properties[key] as PropertyDescriptor;
    return configurable === false && writable === false && typeof value === "function";
  });
  if (!fixed) return original;
  for (const key of keys) (properties[key] as PropertyDescriptor).configurable = true;
  return Object.create(Object.getPrototypeOf(original) as object | null, properties) as T;
}
