/** A message of JSON-RPC 2.0, as the transports of the SDKs send and receive it. */
export interface Message {
  readonly id?: string | number | null;
  readonly method?: string;
  readonly params?: Params;
  readonly result?: unknown;
  readonly error?: { readonly code?: unknown; readonly message?: unknown };
}

type Params = Readonly<Record<string, unknown>> & { readonly _meta?: unknown };

export type Fields = Readonly<Record<string, unknown>>;

/** An object of any shape, because messages come from the application or from the peer; undefined for anything else. */
export function asFields(value: unknown): Fields | undefined {
  return typeof value === "object" && value !== null ? (value as Fields) : undefined;
}

export function asText(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Whether a message is a request: it has a method, and expects a response. */
export function isRequest({ method, id }: Message): boolean {
  return method !== undefined && id !== undefined && id !== null;
}

/** The request whose cancellation a message announces; undefined if it announces none. */
export function cancelledRequest({ method, params }: Message): unknown {
  return method === "notifications/cancelled" ? params?.["requestId"] : undefined;
}

const SUBSCRIPTION_ID = "io.modelcontextprotocol/subscriptionId";

/** The `subscriptions/listen` request that a message acknowledges (MCP 2026-07-28); undefined if it acknowledges none. */
export function acknowledgedSubscription({ method, params }: Message): unknown {
  if (method !== "notifications/subscriptions/acknowledged") return undefined;
  return asFields(params?._meta)?.[SUBSCRIPTION_ID];
}
