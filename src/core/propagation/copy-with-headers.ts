/**
 * Returns a copy of a caller's options with other headers. Options that are not a plain object (a `Request` as an init, a class with getters) are wrapped
 * in a proxy: a spread would lose inherited properties, and an object that inherits from them could not read their private members.
 */
export function copyWithHeaders<Options extends object>(options: Options, headers: unknown): Options {
  const prototype: unknown = Object.getPrototypeOf(options);
  return prototype === Object.prototype || prototype === null
    ? { ...options, headers }
    : proxyWithHeaders(options, prototype as object, headers);
}

// A separate function: the closures would otherwise allocate a scope in every call of `copyWithHeaders`.
function proxyWithHeaders<Options extends object>(options: Options, prototype: object, headers: unknown): Options {
  const own = { configurable: true, enumerable: true, writable: true, value: headers };
  return new Proxy(Object.create(prototype) as Options, {
    get: (_, name) => (name === "headers" ? headers : Reflect.get(options, name, options)),
    has: (_, name) => name === "headers" || Reflect.has(options, name),
    ownKeys: () => [...new Set([...Reflect.ownKeys(options), "headers"])],
    getOwnPropertyDescriptor: (_, name) => {
      if (name === "headers") return own;
      const descriptor = Reflect.getOwnPropertyDescriptor(options, name);
      return descriptor && { ...descriptor, configurable: true };
    },
  });
}
