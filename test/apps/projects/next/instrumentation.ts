/** Next.js calls this once for each of its runtimes, before the first request. */
export async function register(): Promise<void> {
  if (process.env["NEXT_RUNTIME"] === "edge") await import("./instrumentation-edge");
  else await import("./instrumentation-node");
}
