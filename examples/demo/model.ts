import { setTimeout } from "node:timers/promises";
import type { Prices } from "../../tools/src/view/prices.ts";
import { inSpan } from "./telemetry.ts";
import { bestSentence } from "./text.ts";

const MODEL = "stub-model";

/** Made up, as the model is: US dollars for a million tokens. */
export const PRICES: Prices = { models: { [MODEL]: { input: 1, output: 4 } } };

/**
 * Stands in for a language model: answers with the sentence of the text that fits the question best.
 *
 * The span around it, with the GenAI conventions' attributes, is the agent's own: a2a-otel leaves models to those who call them.
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

/** About what a tokenizer makes of English: four characters to a token. */
function tokens(text: string): number {
  return Math.ceil(text.length / 4);
}
