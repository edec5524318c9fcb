/** What `http.request`, `https.request` and `fetch` of Node do, and nobody else's. */
const NODES = /\bnew ClientRequest\(|\bReflectConstruct\(ClientRequest\b|\bfetchImpl\(/;

/** Whether a function is Node's own. */
export function isNativeFunction(original: unknown): boolean {
  return typeof original === "function" && NODES.test(Function.prototype.toString.call(original));
}

interface HttpModule {
  readonly request: unknown;
}

/** Tells whether somebody has put a function of their own in the place of `request` in one of Node's modules. Cheap to ask at each call. */
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
