/**
 * A copy of somebody's options with headers of ours. Options that are not a plain object (a `Request` as an init, a class with getters) are seen through a
 * proxy: a spread would lose what they inherit, and an object that inherits from them would break their private members.
 */
export function copyWithHeaders<Options extends object>(options: Options, headers: unknown): Options {
  const prototype: unknown = Object.getPrototypeOf(options);
  return prototype === Object.prototype || prototype === null
    ? { ...options, headers }
    : proxyWithHeaders(options, prototype as object, headers);
}

// A function of its own: its closures would cost each call the memory for what they capture.
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
