import type { TracerProvider } from "@opentelemetry/api";
import type { Findings } from "../findings.ts";

/** Has the SDK export what it holds, and says whether it could: `forceFlush()` of its provider, on every SDK since version 1. */
export async function checkFlush(findings: Findings, provider: TracerProvider, timeout: number): Promise<void> {
  const { forceFlush } = provider as { forceFlush?: () => Promise<unknown> };
  if (typeof forceFlush !== "function") {
    findings.warn("flush", "This SDK has no forceFlush(): whether its spans arrive was not seen.");
    return;
  }
  // The CLIENT and SERVER spans of the call end a moment after the response has been read.
  await new Promise((resolve) => setTimeout(resolve, 50));
  const timer = { id: undefined as ReturnType<typeof setTimeout> | undefined };
  const late = new Promise<never>((_, reject) => {
    timer.id = setTimeout(() => reject(new Error(`nothing came of it within ${timeout} ms`)), timeout);
  });
  try {
    await Promise.race([forceFlush.call(provider), late]);
    findings.ok("flush", "The SDK exported what it held; no exporter reported an error.");
  } catch (error) {
    const reasons = (Array.isArray(error) ? error : [error]).map((one) => (one instanceof Error ? reasonOf(one) : String(one)));
    findings.error(
      "flush",
      `The export failed: ${reasons.join("; ")}.`,
      "look at the exporter's endpoint, protocol and credentials; OTEL_LOG_LEVEL=debug shows more with NodeSDK.",
    );
  } finally {
    clearTimeout(timer.id);
  }
}

/** An error's text, or its code: of a refused connection an aggregate says nothing else. */
function reasonOf({ message, name, code }: NodeJS.ErrnoException): string {
  return message === "" ? (code ?? name) : message;
}
