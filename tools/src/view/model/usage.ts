import { priceOf } from "../prices.ts";
import type { Price, Prices } from "../prices.ts";
import type { Attributes } from "../span.ts";
import type { SpanNode } from "./tree.ts";

/** Amounts of money by currency. */
export type Money = Readonly<Record<string, number>>;

/** What a span says that a model used. */
export interface Usage {
  readonly model: string;
  /** Input tokens in all, those read from or written to a cache included. */
  readonly input: number;
  readonly output: number;
  /** Of the input tokens, those read from a cache. */
  readonly cached: number;
  /** Of the input tokens, those written to a cache. */
  readonly cacheWrite: number;
  /** `undefined` where neither the span nor a price tells it. */
  readonly cost: Money | undefined;
}

/** The usage of spans taken together. */
export interface UsageSum {
  readonly requests: number;
  readonly input: number;
  readonly output: number;
  readonly cached: number;
  readonly cost: Money;
  /** How many of the requests have no known cost, which is then not in `cost`. */
  readonly unpriced: number;
}

export interface UsageRow extends UsageSum {
  readonly service: string;
  readonly model: string;
}

// Newest name first: OpenTelemetry's GenAI conventions, their older names, OpenInference.
const MODEL = ["gen_ai.response.model", "gen_ai.request.model", "llm.model_name"];
const INPUT = ["gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.token_count.prompt"];
const OUTPUT = ["gen_ai.usage.output_tokens", "gen_ai.usage.completion_tokens", "llm.token_count.completion"];
const CACHED = [
  "gen_ai.usage.cache_read.input_tokens",
  "gen_ai.usage.cache_read_input_tokens",
  "llm.token_count.prompt_details.cache_read",
];
const CACHE_WRITE = [
  "gen_ai.usage.cache_creation.input_tokens",
  "gen_ai.usage.cache_creation_input_tokens",
  "llm.token_count.prompt_details.cache_write",
];
// The conventions have none yet (open-telemetry/semantic-conventions-genai pull request 443 proposes the first). The others are what
// instrumentations write; all but the first mean US dollars.
const COST = [
  "gen_ai.usage.cost.amount",
  "gen_ai.usage.cost",
  "gen_ai.usage.total_cost",
  "gen_ai.usage.cost_usd",
  "operation.cost",
  "llm.cost.total",
];

/** What a span says of tokens and cost, if it does. A cost in the span goes before the table's price. */
export function usageOf(attributes: Attributes, prices: Prices | undefined): Usage | undefined {
  const input = number(attributes, INPUT);
  const output = number(attributes, OUTPUT);
  const said = number(attributes, COST);
  if (input === undefined && output === undefined && said === undefined) return undefined;

  const cached = number(attributes, CACHED) ?? 0;
  const cacheWrite = number(attributes, CACHE_WRITE) ?? 0;
  // The conventions count cached tokens among the input; some instrumentations hand on their provider's figures, which do not.
  const all = cached + cacheWrite > (input ?? 0) ? (input ?? 0) + cached + cacheWrite : (input ?? 0);
  const model = MODEL.map((name) => attributes[name]).find((value) => typeof value === "string" && value !== "");
  const usage = { input: all, output: output ?? 0, cached, cacheWrite };
  const given = said === undefined ? undefined : { [currencyOf(attributes)]: said };
  return { model: typeof model === "string" ? model : "", ...usage, cost: given ?? priced(attributes, usage, prices) };
}

function number(attributes: Attributes, names: readonly string[]): number | undefined {
  for (const name of names) {
    const value = attributes[name];
    // Doubles come as text from some SDKs.
    const parsed = typeof value === "string" && value !== "" ? Number(value) : value;
    if (typeof parsed === "number" && Number.isFinite(parsed) && parsed >= 0) return parsed;
  }
  return undefined;
}

function currencyOf(attributes: Attributes): string {
  const currency = attributes["gen_ai.usage.cost.currency"];
  return typeof currency === "string" && /^[A-Z]{3}$/.test(currency) ? currency : "USD";
}

type Tokens = Pick<Usage, "input" | "output" | "cached" | "cacheWrite">;

function priced(attributes: Attributes, tokens: Tokens, prices: Prices | undefined): Money | undefined {
  const models = MODEL.map((name) => attributes[name]).filter((value) => typeof value === "string");
  const price = models.map((model) => priceOf(prices, model)).find((found) => found !== undefined);
  const cost = price && costOf(price, tokens);
  return cost === undefined ? undefined : { [prices?.currency ?? "USD"]: cost };
}

function costOf(price: Price, { input, output, cached, cacheWrite }: Tokens): number | undefined {
  if (output > 0 && price.output === undefined) return undefined;
  const plain = input - cached - cacheWrite;
  const { cachedInput = price.input, cacheWrite: writing = price.input } = price;
  return (plain * price.input + cached * cachedInput + cacheWrite * writing + output * (price.output ?? 0)) / 1e6;
}

/**
 * The usage of each span that has some and below which no other has: agents and frameworks write onto a span of theirs the sum of what the model's
 * spans below it say already.
 */
export function countedUsage(nodes: readonly SpanNode[], prices: Prices | undefined): Map<SpanNode, Usage> {
  const counted = new Map<SpanNode, Usage>();
  const hasBelow = new Set<SpanNode>();
  // Children stand after their parents, so from the end they come first.
  for (const node of nodes.toReversed()) {
    const usage = usageOf(node.span.attributes, prices);
    if (usage !== undefined && !hasBelow.has(node)) counted.set(node, usage);
    if (node.parent !== undefined && (usage !== undefined || hasBelow.has(node))) hasBelow.add(node.parent);
  }
  return counted;
}

/** A row for each model of each service, in the order of their first use. */
export function usageRows(counted: ReadonlyMap<SpanNode, Usage>): UsageRow[] {
  const inOrder = [...counted].toSorted(([a], [b]) => a.start - b.start);
  const groups = Map.groupBy(inOrder, ([{ span }, { model }]) => JSON.stringify([span.service, model]));
  return [...groups.values()].map((group) => {
    const [[node, { model }]] = group as [[SpanNode, Usage]];
    return Object.assign(usageSum(group.map(([, usage]) => usage)), { service: node.span.service, model });
  });
}

export function usageSum(usages: readonly Usage[]): UsageSum {
  const sum = (of: (usage: Usage) => number): number => usages.reduce((total, usage) => total + of(usage), 0);
  const cost: Record<string, number> = {};
  for (const usage of usages) {
    for (const [currency, amount] of Object.entries(usage.cost ?? {})) cost[currency] = (cost[currency] ?? 0) + amount;
  }
  return {
    requests: usages.length,
    input: sum(({ input }) => input),
    output: sum(({ output }) => output),
    cached: sum(({ cached }) => cached),
    cost,
    unpriced: sum((usage) => (usage.cost === undefined ? 1 : 0)),
  };
}
