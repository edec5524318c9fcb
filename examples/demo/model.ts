import { setTimeout } from "node:timers/promises";
import type { Prices } from "../../tools/src/view/prices.ts";
import { inSpan } from "./telemetry.ts";
import { bestSentence } from "./text.ts";

const MODEL = "stub-model";

/** Invented prices of the invented model, in US dollars for a million tokens. */
export const PRICES: Prices = { models: { [MODEL]: { input: 1, output: 4 } } };

/**
 * Imitates a language model: returns the sentence of the text that fits the question best.
 *
 * The agent creates the span with the attributes of the GenAI conventions itself, because a2a-otel does not trace models.
 */
export function chat(question: string, text: string): Promise<string> {
  const attributes = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "stub",
    "gen_ai.request.model": MODEL,
  };
  return inSpan(`chat ${MODEL}`, attributes, async (span) => {
    await setTimeout(15);
    const answer = bestSentence(text, question);
    span.setAttributes({
      "gen_ai.response.model": MODEL,
      "gen_ai.response.finish_reasons": ["stop"],
      "gen_ai.usage.input_tokens": tokens(question) + tokens(text),
      "gen_ai.usage.output_tokens": tokens(answer),
    });
    return answer;
  });
}

/** Estimates the number of tokens: about four characters each, in English. */
function tokens(text: string): number {
  return Math.ceil(text.length / 4);
}
