/** The price of a model for a million tokens. */
export interface Price {
  readonly input: number;
  /** If it is absent, the cost of a span with output tokens is unknown. */
  readonly output?: number;
  /** For input tokens read from the provider's cache. Default: `input`. */
  readonly cachedInput?: number;
  /** For input tokens written to the provider's cache. Default: `input`. */
  readonly cacheWrite?: number;
}

export interface Prices {
  /** An ISO 4217 code. Default: `USD`. */
  readonly currency?: string;
  /** By the model's name in spans. A name that ends with `*` matches all names with that prefix; the longest match is used. */
  readonly models: Readonly<Record<string, Price>>;
}

const FIELDS = ["input", "output", "cachedInput", "cacheWrite"] as const;

/**
 * Checks a table of prices.
 *
 * @throws Error that describes what is wrong.
 * @example parsePrices({ currency: "USD", models: { "gpt-*": { input: 1.25, output: 10 } } })
 */
export function parsePrices(value: unknown): Prices {
  if (!isRecord(value) || !isRecord(value["models"]))
    throw new Error('the prices must be an object such as {"models":{"a-model":{"input":1,"output":2}}}');
  const currency = value["currency"] ?? "USD";
  if (typeof currency !== "string" || !/^[A-Z]{3}$/.test(currency)) {
    throw new Error(`currency is ${JSON.stringify(currency)}, but must be three capital letters such as "USD"`);
  }
  const models = Object.entries(value["models"]).map(([model, price]): [string, Price] => [model, parsePrice(model, price)]);
  return { currency, models: Object.fromEntries(models) };
}

function parsePrice(model: string, value: unknown): Price {
  const at = `models[${JSON.stringify(model)}]`;
  if (!isRecord(value)) throw new Error(`${at} must be an object with input and output`);
  const unknown = Object.keys(value).find((name) => !FIELDS.some((field) => field === name));
  if (unknown !== undefined) throw new Error(`${at}.${unknown} is unknown; the fields are ${FIELDS.join(", ")}`);
  if (value["input"] === undefined) throw new Error(`${at}.input is missing: the price of a million input tokens`);
  for (const field of FIELDS) {
    const price = value[field];
    if (price === undefined) continue;
    if (typeof price !== "number" || !Number.isFinite(price) || price < 0) {
      throw new Error(`${at}.${field} is ${JSON.stringify(price)}, but must be the price of a million tokens, 0 or more`);
    }
  }
  return value as unknown as Price;
}

/** The price of a model: by its exact name, or by the longest matching prefix. */
export function priceOf(prices: Prices | undefined, model: string): Price | undefined {
  if (prices === undefined) return undefined;
  if (Object.hasOwn(prices.models, model)) return prices.models[model];
  const fitting = Object.keys(prices.models).filter((name) => name.endsWith("*") && model.startsWith(name.slice(0, -1)));
  const longest = fitting.toSorted((a, b) => b.length - a.length)[0];
  return longest === undefined ? undefined : prices.models[longest];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
