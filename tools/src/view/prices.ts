import { z } from "zod";

const EXPECTED = 'the prices must be an object such as {"models":{"a-model":{"input":1,"output":2}}}';

const amount: z.ZodType<number> = z
  .number({ error: ({ input }) => (input === undefined ? " is missing: the price of a million input tokens" : wrongAmount(input)) })
  .nonnegative({ error: ({ input }) => wrongAmount(input) });

function wrongAmount(value: unknown): string {
  return ` is ${JSON.stringify(value)}, but must be the price of a million tokens, 0 or more`;
}

const optional: z.ZodType<number | undefined> = amount.optional();
const FIELDS = { input: amount, output: optional, cachedInput: optional, cacheWrite: optional };

const PRICE = z.strictObject(FIELDS, {
  error: (issue) =>
    issue.code === "unrecognized_keys"
      ? `.${issue.keys[0]} is unknown; the fields are ${Object.keys(FIELDS).join(", ")}`
      : " must be an object with input and output",
});

const PRICES = z.object(
  {
    currency: z
      .string()
      .regex(/^[A-Z]{3}$/)
      .default("USD"),
    models: z.record(z.string(), PRICE, EXPECTED),
  },
  EXPECTED,
);

/** The price of a model for a million tokens. */
export interface Price {
  readonly input: number;
  /** If it is absent, the cost of a span with output tokens is unknown. */
  readonly output?: number | undefined;
  /** For input tokens read from the provider's cache. Default: `input`. */
  readonly cachedInput?: number | undefined;
  /** For input tokens written to the provider's cache. Default: `input`. */
  readonly cacheWrite?: number | undefined;
}

export interface Prices {
  /** An ISO 4217 code. Default: `USD`. */
  readonly currency?: string;
  /** By the model's name in spans. A name that ends with `*` matches all names with that prefix; the longest match is used. */
  readonly models: Readonly<Record<string, Price>>;
}

/**
 * Checks a table of prices.
 *
 * @throws Error that describes what is wrong.
 * @example parsePrices({ currency: "USD", models: { "gpt-*": { input: 1.25, output: 10 } } })
 */
export function parsePrices(value: unknown): Prices {
  const { data, error } = PRICES.safeParse(value, { reportInput: true });
  if (error === undefined) return data;
  const { path, message, input } = error.issues[0] as z.core.$ZodIssue;
  const [top, model, name] = path.map(String);
  if (top === "currency") throw new Error(`currency is ${JSON.stringify(input)}, but must be three capital letters such as "USD"`);
  if (model === undefined) throw new Error(message);
  throw new Error(`models[${JSON.stringify(model)}]${name === undefined ? "" : `.${name}`}${message}`);
}

/** The price of a model: by its exact name, or by the longest matching prefix. */
export function priceOf(prices: Prices | undefined, model: string): Price | undefined {
  if (prices === undefined) return undefined;
  if (Object.hasOwn(prices.models, model)) return prices.models[model];
  const fitting = Object.keys(prices.models).filter((name) => name.endsWith("*") && model.startsWith(name.slice(0, -1)));
  const longest = fitting.toSorted((a, b) => b.length - a.length)[0];
  return longest === undefined ? undefined : prices.models[longest];
}
