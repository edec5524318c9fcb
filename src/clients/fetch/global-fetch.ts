/** Replaces the global fetch; returns a function that restores the property as it was. */
export function replaceGlobalFetch(fetch: typeof globalThis.fetch): () => void {
  const property = Object.getOwnPropertyDescriptor(globalThis, "fetch");
  if (property?.configurable === false) {
    const original = globalThis.fetch;
    globalThis.fetch = fetch;
    return () => (globalThis.fetch = original);
  }
  const enumerable = property?.enumerable ?? true;
  Object.defineProperty(globalThis, "fetch", { configurable: true, enumerable, writable: true, value: fetch });
  return () => {
    if (property === undefined) Reflect.deleteProperty(globalThis, "fetch");
    else Object.defineProperty(globalThis, "fetch", property);
  };
}
