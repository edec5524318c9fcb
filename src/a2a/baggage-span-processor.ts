import { propagation } from "@opentelemetry/api";
import type { Context, Span } from "@opentelemetry/api";

/** A span processor for the OpenTelemetry SDKs 1 to 3. */
export interface BaggageSpanProcessor {
  onStart(span: Span, parentContext: Context): void;
  onEnd(span: unknown): void;
  forceFlush(): Promise<void>;
  shutdown(): Promise<void>;
}

/**
 * Creates a span processor that copies members of the baggage to attributes of the same name on each span that starts.
 *
 * @param keys the names of the members. Callers can send any baggage, so name only members of your own.
 * @throws TypeError if `keys` is not an array of strings.
 *
 * @example
 * new NodeSDK({ spanProcessors: [baggageSpanProcessor(["gen_ai.conversation.id"]), exporting] });
 */
export function baggageSpanProcessor(keys: readonly string[]): BaggageSpanProcessor {
  if (!Array.isArray(keys) || !keys.every((key) => typeof key === "string")) {
    throw new TypeError("baggageSpanProcessor: keys must be an array of strings");
  }
  const names = [...keys];
  return {
    onStart(span, parentContext) {
      const baggage = propagation.getBaggage(parentContext);
      if (baggage === undefined) return;
      for (const name of names) {
        const value = baggage.getEntry(name)?.value;
        if (value !== undefined) span.setAttribute(name, value);
      }
    },
    onEnd() {},
    forceFlush: () => Promise.resolve(),
    shutdown: () => Promise.resolve(),
  };
}
