/** Code that only Node's own `http.request`, `https.request` and `fetch` contain. */
const NATIVE_CODE = /\bnew ClientRequest\(|\bReflectConstruct\(ClientRequest\b|\bfetchImpl\(/;

/** Whether a function is Node's own, and not one that has replaced it. */
export function isNativeFunction(original: unknown): boolean {
  return typeof original === "function" && NATIVE_CODE.test(Function.prototype.toString.call(original));
}

interface HttpModule {
  readonly request: unknown;
}

/** Returns a function that says whether `request` of one of Node's modules has been replaced. It inspects a function once, so it can be called for each request. */
export function createPatchDetector(http: HttpModule, https: HttpModule): () => boolean {
  let lastHttp: unknown;
  let lastHttps: unknown;
  let isPatched = false;
  return () => {
    if (http.request !== lastHttp || https.request !== lastHttps) {
      lastHttp = http.request;
      lastHttps = https.request;
      isPatched = !isNativeFunction(lastHttp) || !isNativeFunction(lastHttps);
    }
    return isPatched;
  };
}
