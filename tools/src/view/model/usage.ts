import { z } from "zod";
import { priceOf } from "../prices.ts";
import type { Price, Prices } from "../prices.ts";
import type { Attributes } from "../span.ts";
import type { SpanNode } from "./tree.ts";

/** Amounts of money by currency. */
export type Money = Readonly<Record<string, number>>;

/** The usage of a model that a span records. */
export interface Usage {
  readonly model: string;
  /** All input tokens, including those read from or written to a cache. */
  readonly input: number;
  readonly output: number;
  /** The input tokens that were read from a cache. */
  readonly cached: number;
  /** The input tokens that were written to a cache. */
  readonly cacheWrite: number;
  /** `undefined` if neither the span nor a price determines it. */
  readonly cost: Money | undefined;
}

/** The sum of several usages. */
export interface UsageSum {
  readonly requests: number;
  readonly input: number;
  readonly output: number;
  readonly cached: number;
  readonly cost: Money;
  /** The number of requests whose cost is unknown and therefore not part of `cost`. */
  readonly unpriced: number;
}

export interface UsageRow extends UsageSum {
  readonly service: string;
  readonly model: string;
}

// In order of preference: OpenTelemetry's GenAI conventions, their older names, OpenInference.
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
// The conventions do not define a cost yet (open-telemetry/semantic-conventions-genai pull request 443 proposes the first name). The others are
// used by instrumentations. All but the first are in US dollars.
const COST = [
  "gen_ai.usage.cost.amount",
  "gen_ai.usage.cost",
  "gen_ai.usage.total_cost",
  "gen_ai.usage.cost_usd",
  "operation.cost",
  "llm.cost.total",
];

/** The tokens and the cost that a span records, if any. A cost in the span takes precedence over the table of prices. */
export function usageOf(recorded: Attributes, prices: Prices | undefined): Usage | undefined {
  const attributes = { ...genkitUsage(recorded), ...recorded };
  const input = number(attributes, INPUT);
  const output = number(attributes, OUTPUT);
  const recordedCost = number(attributes, COST);
  if (input === undefined && output === undefined && recordedCost === undefined) return undefined;

  const cached = number(attributes, CACHED) ?? 0;
  const cacheWrite = number(attributes, CACHE_WRITE) ?? 0;
  // By the conventions, the input includes cached tokens. Some instrumentations record their provider's figures, which do not include them.
  const all = cached + cacheWrite > (input ?? 0) ? (input ?? 0) + cached + cacheWrite : (input ?? 0);
  const model = MODEL.map((name) => attributes[name]).find((value) => typeof value === "string" && value !== "");
  const usage = { input: all, output: output ?? 0, cached, cacheWrite };
  const given = recordedCost === undefined ? undefined : { [currencyOf(attributes)]: recordedCost };
  return { model: typeof model === "string" ? model : "", ...usage, cost: given ?? priced(attributes, usage, prices) };
}

const GENKIT_USAGE = z.object({
  inputTokens: z.number().optional(),
  outputTokens: z.number().default(0),
  thoughtsTokens: z.number().default(0),
  cachedContentTokens: z.number().optional(),
});

/** Genkit records the response of a model, in which it counts the tokens, as JSON. Reasoning is not part of its `outputTokens`. */
function genkitUsage(attributes: Attributes): Attributes {
  const { "genkit:metadata:subtype": type, "genkit:name": name, "genkit:output": output } = attributes;
  if (type !== "model" || typeof output !== "string") return {};
  let json: unknown;
  try {
    json = JSON.parse(output);
  } catch {
    return {};
  }
  const { data } = z.object({ usage: GENKIT_USAGE }).safeParse(json);
  if (data === undefined) return {};
  const { inputTokens = 0, outputTokens, thoughtsTokens, cachedContentTokens = 0 } = data.usage;
  return {
    ...(typeof name === "string" && { "gen_ai.response.model": name, "gen_ai.request.model": name.replace(/^[^/]*\//, "") }),
    "gen_ai.usage.input_tokens": inputTokens,
    "gen_ai.usage.output_tokens": outputTokens + thoughtsTokens,
    "gen_ai.usage.cache_read.input_tokens": cachedContentTokens,
  };
}

function number(attributes: Attributes, names: readonly string[]): number | undefined {
  for (const name of names) {
    const value = attributes[name];
    // Some SDKs record doubles as strings.
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
 * The usage of each span without usage below it. Agents and frameworks record on their own spans the sum of what the model spans below contain.
 */
export function countedUsage(nodes: readonly SpanNode[], prices: Prices | undefined): Map<SpanNode, Usage> {
  const counted = new Map<SpanNode, Usage>();
  const hasBelow = new Set<SpanNode>();
  // In reverse order, children precede their parents.
  for (const node of nodes.toReversed()) {
    const usage = usageOf(node.span.attributes, prices);
    if (usage !== undefined && !hasBelow.has(node)) counted.set(node, usage);
    // A call that another agent answers is no part of what the caller's spans contain.
    const isOwn = !node.entry && node.span.kind !== "SERVER" && node.span.kind !== "CONSUMER";
    if (isOwn && node.parent !== undefined && (usage !== undefined || hasBelow.has(node))) hasBelow.add(node.parent);
  }
  return counted;
}

/** A row for each model of each service, sorted by their first use. */
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
