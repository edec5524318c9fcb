import { describe, expect, it } from "vitest";
import { buildModel } from "../../src/view/model/model.ts";
import type { TraceUsage } from "../../src/view/model/model.ts";
import { usageOf } from "../../src/view/model/usage.ts";
import { parsePrices, priceOf } from "../../src/view/prices.ts";
import type { Prices } from "../../src/view/prices.ts";
import type { Attributes } from "../../src/view/span.ts";
import { spanOf } from "./spans.ts";
import type { SpanSketch } from "./spans.ts";

const PRICES: Prices = {
  currency: "EUR",
  models: { "large-*": { input: 3, cachedInput: 0.3, cacheWrite: 4, output: 15 }, embed: { input: 0.1 } },
};

const tokens = (input: number, output: number, more: Attributes = {}): Attributes => ({
  "gen_ai.request.model": "large",
  "gen_ai.response.model": "large-2026",
  "gen_ai.usage.input_tokens": input,
  "gen_ai.usage.output_tokens": output,
  ...more,
});

describe("usageOf()", () => {
  it("returns input, output and cached tokens and the model of the response", () => {
    const cached = { "gen_ai.usage.cache_read.input_tokens": 60, "gen_ai.usage.cache_creation.input_tokens": 30 };
    expect(usageOf(tokens(100, 20, cached), undefined)).toEqual({
      model: "large-2026",
      input: 100,
      output: 20,
      cached: 60,
      cacheWrite: 30,
      cost: undefined,
    });
  });

  it("adds cached tokens that the input does not include", () => {
    expect(usageOf(tokens(10, 20, { "gen_ai.usage.cache_read.input_tokens": 60 }), undefined)).toMatchObject({
      input: 70,
      cached: 60,
    });
  });

  it.each<[string, Attributes]>([
    [
      "the older names",
      { "gen_ai.request.model": "large-2026", "gen_ai.usage.prompt_tokens": 100, "gen_ai.usage.completion_tokens": 20 },
    ],
    ["OpenInference's", { "llm.model_name": "large-2026", "llm.token_count.prompt": 100, "llm.token_count.completion": 20 }],
    ["numbers as text", tokens(0, 0, { "gen_ai.usage.input_tokens": "100", "gen_ai.usage.output_tokens": "20" })],
  ])("understands %s", (_, attributes) => {
    expect(usageOf(attributes, undefined)).toMatchObject({ model: "large-2026", input: 100, output: 20 });
  });

  it.each<[string, Attributes]>([
    ["nothing", {}],
    ["a model only", { "gen_ai.request.model": "large" }],
    ["figures that are none", tokens(-1, Number.NaN)],
    ["text that is no figure", tokens(0, 0, { "gen_ai.usage.input_tokens": "many", "gen_ai.usage.output_tokens": "" })],
  ])("ignores %s", (_, attributes) => {
    expect(usageOf(attributes, PRICES)).toBeUndefined();
  });
});

describe("the cost of a span", () => {
  it("is computed from the table of prices", () => {
    const cached = { "gen_ai.usage.cache_read.input_tokens": 600_000, "gen_ai.usage.cache_creation.input_tokens": 100_000 };
    const cost = usageOf(tokens(1_000_000, 200_000, cached), PRICES)?.cost?.["EUR"];
    expect(cost).toBeCloseTo(0.3 * 3 + 0.6 * 0.3 + 0.1 * 4 + 0.2 * 15, 10);
  });

  it("uses the price of input for cached tokens by default", () => {
    const plain: Prices = { models: { "large-*": { input: 3, output: 15 } } };
    expect(usageOf(tokens(1_000_000, 0, { "gen_ai.usage.cache_read.input_tokens": 600_000 }), plain)?.cost).toEqual({ USD: 3 });
  });

  it.each<[string, Attributes]>([
    ["a model without a price", { "gen_ai.response.model": "other", "gen_ai.request.model": "another" }],
    ["no model", { "gen_ai.response.model": "", "gen_ai.request.model": "" }],
    ["output of a model of which only the input has a price", { "gen_ai.response.model": "embed" }],
  ])("is unknown for %s", (_, more) => {
    expect(usageOf(tokens(100, 20, more), PRICES)).toMatchObject({ input: 100, cost: undefined });
  });

  it("is known for input alone if only input has a price", () => {
    expect(usageOf({ "gen_ai.request.model": "embed", "gen_ai.usage.input_tokens": 1_000_000 }, PRICES)?.cost).toEqual({
      EUR: 0.1,
    });
  });

  it("uses the requested model if the responding model has no price", () => {
    const prices: Prices = { models: { large: { input: 1, output: 1 } } };
    expect(usageOf(tokens(1_000_000, 0), prices)?.cost).toEqual({ USD: 1 });
  });

  it.each<[string, Attributes, object]>([
    ["gen_ai.usage.cost.amount", { "gen_ai.usage.cost.amount": 0.5, "gen_ai.usage.cost.currency": "CHF" }, { CHF: 0.5 }],
    ["gen_ai.usage.cost", { "gen_ai.usage.cost": 0.5 }, { USD: 0.5 }],
    ["gen_ai.usage.total_cost", { "gen_ai.usage.total_cost": "0.5" }, { USD: 0.5 }],
    ["operation.cost", { "operation.cost": 0.5 }, { USD: 0.5 }],
    ["llm.cost.total", { "llm.cost.total": 0.5 }, { USD: 0.5 }],
    ["a currency that is none", { "gen_ai.usage.cost": 0.5, "gen_ai.usage.cost.currency": "<script>" }, { USD: 0.5 }],
  ])("is taken from the span in preference to the table: %s", (_, more, cost) => {
    expect(usageOf(tokens(1_000_000, 0, more), PRICES)?.cost).toEqual(cost);
  });
});

describe("the usage that Genkit records", () => {
  // As Genkit 1.42 records it.
  const span = (output: unknown, type = "model"): Attributes => ({
    "genkit:type": "action",
    "genkit:metadata:subtype": type,
    "genkit:name": "acme/large-2026",
    "genkit:output": typeof output === "string" ? output : JSON.stringify(output),
  });
  const recorded = { inputTokens: 12, outputTokens: 3, cachedContentTokens: 4, thoughtsTokens: 2, totalTokens: 17 };

  it("is read from the response of the model", () => {
    const prices: Prices = { models: { "large-*": { input: 1_000_000, output: 1_000_000 } } };
    expect(usageOf(span({ message: {}, usage: recorded }), prices)).toEqual({
      model: "acme/large-2026",
      input: 12,
      output: 5,
      cached: 4,
      cacheWrite: 0,
      cost: { USD: 17 },
    });
  });

  it.each<[string, Attributes]>([
    ["another action", span({ usage: recorded }, "flow")],
    ["a response without usage", span({ message: {} })],
    ["usage that is none", span({ usage: { inputTokens: "many" } })],
    ["a response that was cut off", span('{"usage":{')],
    ["no response", { "genkit:metadata:subtype": "model" }],
  ])("is absent for %s", (_, attributes) => {
    expect(usageOf(attributes, undefined)).toBeUndefined();
  });
});

describe("the usage of a trace", () => {
  const usage = (spans: SpanSketch[], prices?: Prices): TraceUsage =>
    buildModel({ traceId: "t", spans: spans.map(spanOf), refused: 0 }, prices).usage;
  const root: SpanSketch = { spanId: "root", end: 100 };
  const chat = (spanId: string, parentSpanId: string, attributes: Attributes, more: Partial<SpanSketch> = {}): SpanSketch => ({
    spanId,
    parentSpanId,
    attributes,
    ...more,
  });

  it("is summed by agent and model, by agent, and in total", () => {
    const spans = [
      root,
      chat("1", "root", tokens(100, 10), { start: 1 }),
      chat("2", "root", tokens(200, 20, { "gen_ai.usage.cache_read.input_tokens": 50 }), { start: 2 }),
      chat("3", "root", tokens(400, 40, { "gen_ai.response.model": "other", "gen_ai.request.model": "other" }), { start: 3 }),
      chat("4", "root", tokens(800, 80), { start: 4, service: "writer" }),
    ];
    const dollars = (amount: number): object => ({ USD: expect.closeTo(amount, 12) as number });
    const price: Prices = { models: { "large-*": { input: 1, cachedInput: 1, output: 10 } } };
    const sum = (requests: number, input: number, output: number, cached: number, cost: object, unpriced = 0): object => ({
      requests,
      input,
      output,
      cached,
      cost,
      unpriced,
    });
    expect(usage(spans, price)).toEqual({
      rows: [
        { service: "orchestrator", model: "large-2026", ...sum(2, 300, 30, 50, dollars(0.0006)) },
        { service: "orchestrator", model: "other", ...sum(1, 400, 40, 0, {}, 1) },
        { service: "writer", model: "large-2026", ...sum(1, 800, 80, 0, dollars(0.0016)) },
      ],
      agents: [
        { service: "orchestrator", ...sum(3, 700, 70, 50, dollars(0.0006), 1) },
        { service: "writer", ...sum(1, 800, 80, 0, dollars(0.0016)) },
      ],
      all: sum(4, 1500, 150, 50, dollars(0.0022), 1),
    });
  });

  it("does not count a span whose descendants record usage", () => {
    const spans = [
      chat("agent", "", tokens(300, 30)),
      chat("turn", "agent", tokens(300, 30)),
      { spanId: "tool", parentSpanId: "turn" },
      chat("1", "tool", tokens(100, 10)),
      chat("2", "turn", tokens(200, 20)),
    ];
    expect(usage(spans).all).toMatchObject({ requests: 2, input: 300, output: 30 });
  });

  it("counts a model span that calls other agents as tools, and the models of those agents", () => {
    const spans = [
      chat("agent", "", tokens(500, 50)),
      chat("model", "agent", tokens(300, 30)),
      { spanId: "call", parentSpanId: "model", kind: "CLIENT" as const },
      { spanId: "served", parentSpanId: "call", kind: "SERVER" as const, service: "writer" },
      chat("far model", "served", tokens(100, 10), { service: "writer" }),
    ];
    expect(usage(spans).agents).toMatchObject([
      { service: "orchestrator", requests: 1, input: 300, output: 30 },
      { service: "writer", requests: 1, input: 100, output: 10 },
    ]);
  });

  it("does not add amounts in different currencies", () => {
    const spans = [
      root,
      chat("1", "root", { "gen_ai.usage.cost": 1 }),
      chat("2", "root", { "gen_ai.usage.cost.amount": 2, "gen_ai.usage.cost.currency": "EUR" }),
    ];
    expect(usage(spans).all.cost).toEqual({ USD: 1, EUR: 2 });
  });
});

describe("parsePrices() and priceOf()", () => {
  it("use US dollars by default", () => {
    expect(parsePrices({ models: { a: { input: 1 } } })).toEqual({ currency: "USD", models: { a: { input: 1 } } });
  });

  it.each<[unknown, string]>([
    [[], 'the prices must be an object such as {"models":{"a-model":{"input":1,"output":2}}}'],
    [{ models: [] }, 'the prices must be an object such as {"models":{"a-model":{"input":1,"output":2}}}'],
    [{ currency: "dollars", models: {} }, 'currency is "dollars", but must be three capital letters such as "USD"'],
    [{ models: { a: 1 } }, 'models["a"] must be an object with input and output'],
    [{ models: { a: { output: 1 } } }, 'models["a"].input is missing: the price of a million input tokens'],
    [{ models: { a: { input: "1" } } }, 'models["a"].input is "1", but must be the price of a million tokens, 0 or more'],
    [{ models: { a: { input: 1, output: -1 } } }, 'models["a"].output is -1, but must be the price of a million tokens, 0 or more'],
    [
      { models: { a: { input: 1, Output: 1 } } },
      'models["a"].Output is unknown; the fields are input, output, cachedInput, cacheWrite',
    ],
  ])("report what is wrong (case %#)", (table, message) => {
    expect(() => parsePrices(table)).toThrow(new Error(message));
  });

  it("prefer an exact name, then the longest matching prefix", () => {
    const price = (input: number): { input: number } => ({ input });
    const prices: Prices = { models: { "*": price(1), "large-*": price(2), "large-2*": price(3), "large-2026": price(4) } };
    expect(["large-2026", "large-2025", "large-1", "small", "constructor"].map((model) => priceOf(prices, model)?.input)).toEqual([
      4, 3, 2, 1, 1,
    ]);
    expect(priceOf({ models: {} }, "constructor")).toBeUndefined();
    expect(priceOf(undefined, "large")).toBeUndefined();
  });
});
