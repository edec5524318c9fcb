/**
 * A copy of somebody's options with one property of ours. Options that are not a plain object (a `Request` as an init, a class with getters) are seen through a
 * proxy: a spread would lose what they inherit, and an object that inherits from them would break their private members.
 */
export function withProperty<Options extends object>(options: Options, key: string, value: unknown): Options {
  const prototype: unknown = Object.getPrototypeOf(options);
  if (prototype === Object.prototype || prototype === null) return { ...options, [key]: value };
  const own = { configurable: true, enumerable: true, writable: true, value };
  return new Proxy(Object.create(prototype as object) as Options, {
    get: (_, name) => (name === key ? value : Reflect.get(options, name, options)),
    has: (_, name) => name === key || Reflect.has(options, name),
    ownKeys: () => [...new Set([...Reflect.ownKeys(options), key])],
    getOwnPropertyDescriptor: (_, name) => {
      if (name === key) return own;
      const descriptor = Reflect.getOwnPropertyDescriptor(options, name);
      return descriptor && { ...descriptor, configurable: true };
    },
  });
}
