import type { Context } from "@opentelemetry/api";
import { ROOT_CONTEXT, SpanKind } from "@opentelemetry/api";
import { continueTrace, extractTraceContext, injectTraceContext, isModelProvider, modelProviderHosts } from "a2a-otel";
import type {
  ClientOptions,
  ContinueOptions,
  HeadersToSpanAttributes,
  Incoming,
  Matcher,
  ReadableCarrier,
  ServerOptions,
  WritableCarrier,
} from "a2a-otel";
import type { IncomingHttpHeaders } from "node:http";
import { same } from "./type.js";

const stored = injectTraceContext();
same<typeof stored, Record<string, string>>();
const headers = injectTraceContext(new Headers(), ROOT_CONTEXT);
same<typeof headers, Headers>();
const map = injectTraceContext(new Map<string, string>());
same<typeof map, Map<string, string>>();
injectTraceContext([["a", "b"]] as [string, string][]);
const carriers: WritableCarrier[] = [stored, headers, map];
// @ts-expect-error a text carries nothing
injectTraceContext("traceparent");

const incoming: IncomingHttpHeaders = {};
const readable: ReadableCarrier[] = [incoming, null, undefined, ...carriers];
const parent = extractTraceContext(readable[0]);
same<typeof parent, Context>();

const options: ContinueOptions = { name: "work", kind: SpanKind.CONSUMER, mode: "link" };
const answer = continueTrace(stored, async () => 42, options);
same<typeof answer, Promise<number>>();
const text = continueTrace(stored, () => "now");
same<typeof text, string>();
// @ts-expect-error no such mode
continueTrace(stored, () => 1, { mode: "follow" });

const hosts: readonly Matcher[] = modelProviderHosts;
const policy: ClientOptions = {
  propagateTo: ["*.corp.example", /^https:/, (url) => url.endsWith("/a2a")],
  baggageTo: hosts,
  baggageKeys: ["tenant"],
  a2a: "body",
  endSpanOn: "headers",
  requireParentforSpans: true,
  startSpanHook: (request) => {
    same<typeof request, unknown>();
    return { team: "agents" };
  },
};
const recorded: HeadersToSpanAttributes = { requestHeaders: ["x-tenant"], responseHeaders: [] };
const word: Incoming = "link";
const server: ServerOptions<{ url: string }> = {
  incoming: ({ url }) => (url === "/public" ? "ignore" : word),
  acceptBaggage: ["tenant"],
  headersToSpanAttributes: recorded,
  trustProxy: true,
};
const isProvider = isModelProvider(new URL("https://api.openai.com"));
same<typeof isProvider, boolean>();

// Under exactOptionalPropertyTypes an option may also be undefined.
const absent: ClientOptions & ServerOptions & ContinueOptions = {
  propagateTo: undefined,
  modelProviders: undefined,
  tracerProvider: undefined,
  requestHook: undefined,
  headersToSpanAttributes: undefined,
  incoming: undefined,
  acceptBaggage: undefined,
  name: undefined,
};

interface Message {
  id: number;
  trace?: string;
}
class Job {
  readonly id = 1;
}
const message: Message = { id: 1 };

const traced = injectTraceContext(message);
same<typeof traced, Message>();
injectTraceContext(new Job());

export { absent, policy, server };
