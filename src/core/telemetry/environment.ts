/** The items of a comma-separated environment variable; undefined if it is not set, or if the platform has no environment or denies access to it. */
export function environmentList(name: string): string[] | undefined {
  const value = valueOf(name);
  if (value === undefined || value.trim() === "") return undefined;
  return value
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}

function valueOf(name: string): string | undefined {
  try {
    return globalThis.process?.env?.[name];
  } catch {
    return undefined; // Deno without --allow-env
  }
}

/**
 * Whether this is Node.js. Bun, Deno and Workers have `process` too, but not all of Node's diagnostics channels; the Edge runtime of Next.js has a part
 * of `process` and a fetch of its own.
 */
export function isNode(): boolean {
  const { process, navigator, Deno } = globalThis as { process?: Partial<NodeJS.Process>; navigator?: Navigator; Deno?: unknown };
  return (
    typeof process?.getBuiltinModule === "function" &&
    process.versions?.node !== undefined &&
    process.versions["bun"] === undefined &&
    Deno === undefined &&
    navigator?.userAgent !== "Cloudflare-Workers"
  );
}

/**
 * Whether `fetch` is a browser's, which enforces CORS. Pages are recognised by `document`, workers by `importScripts`; Deno and Cloudflare have a
 * `location` but neither of these. Node with a simulated `document` (jsdom, happy-dom) is not a browser, but a page of Electron is, although it has
 * Node's `process`.
 */
export function isBrowser(): boolean {
  const { process, location, document, importScripts } = globalThis as {
    readonly process?: { readonly getBuiltinModule?: unknown; readonly versions?: { readonly electron?: string } };
    readonly location?: unknown;
    readonly document?: unknown;
    readonly importScripts?: unknown;
  };
  if (location === undefined) return false;
  if (typeof process?.getBuiltinModule === "function" && process.versions?.electron === undefined) return false;
  return (typeof document === "object" && document !== null) || typeof importScripts === "function";
}
