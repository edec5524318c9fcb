import { propagation } from "@opentelemetry/api";
import type { Context, Span } from "@opentelemetry/api";

/** A span processor, as the SDKs 1 to 3 take it. */
export interface BaggageSpanProcessor {
  onStart(span: Span, parentContext: Context): void;
  onEnd(span: unknown): void;
  forceFlush(): Promise<void>;
  shutdown(): Promise<void>;
}

/**
 * Makes a span processor that writes chosen members of baggage onto each span that starts, under their own names.
 *
 * @param keys the members' names; baggage is what others have sent, so name only what is yours.
 * @throws TypeError where `keys` is no array of strings.
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
