import type { TracerProvider } from "@opentelemetry/api";
import type { Findings } from "../findings.ts";

/** Makes the SDK export the spans that it holds, with its `forceFlush()`, and reports whether that succeeded. */
export async function checkFlush(findings: Findings, provider: TracerProvider, timeout: number): Promise<void> {
  const { forceFlush } = provider as { forceFlush?: () => Promise<unknown> };
  if (typeof forceFlush !== "function") {
    findings.warn("flush", "This SDK has no forceFlush(), so it is unknown whether its spans are exported.");
    return;
  }
  // The CLIENT and SERVER spans of the doctor's call end shortly after the response has been read.
  await new Promise((resolve) => setTimeout(resolve, 50));
  const timer = { id: undefined as ReturnType<typeof setTimeout> | undefined };
  const timedOut = new Promise<never>((_, reject) => {
    timer.id = setTimeout(() => reject(new Error(`it did not finish within ${timeout} ms`)), timeout);
  });
  try {
    await Promise.race([forceFlush.call(provider), timedOut]);
    findings.ok("flush", "The SDK exported its spans, and no exporter reported an error.");
  } catch (error) {
    const reasons = (Array.isArray(error) ? error : [error]).map((one) =>
      one instanceof Error ? describeError(one) : String(one),
    );
    findings.error(
      "flush",
      `The export failed: ${reasons.join("; ")}.`,
      "Check the exporter's endpoint, protocol and credentials. With NodeSDK, OTEL_LOG_LEVEL=debug shows details.",
    );
  } finally {
    clearTimeout(timer.id);
  }
}

/** The message of an error, or its code: the AggregateError of a refused connection has no message. */
function describeError({ message, name, code }: NodeJS.ErrnoException): string {
  return message === "" ? (code ?? name) : message;
}
