/** A project in `projects/` and what is tried with it. */
export interface Framework {
  readonly name: string;
  readonly folder?: string;
  readonly variant?: string;
  /** The project of the second agent. Default: one that answers `/work`. */
  readonly partner?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** The paths of the agent that are called. `retry` is called while the model answers the first request with 429. */
  readonly operations: readonly string[];
  /** What is wrong with an operation's trace and documented in docs/frameworks.md. */
  readonly known?: Readonly<Record<string, readonly string[]>>;
}

/** The standing GET of Streamable HTTP belongs to the session, and not to the call that connects. */
const STANDING_STREAM = [
  '"GET" of a2a-otel is in another trace',
  '"GET" of a2a-otel is in another trace',
  "another trace in traceparent in a request for /mcp",
  'baggage "" instead of "tenant=acme" in a request for /mcp',
];

export const FRAMEWORKS: readonly Framework[] = [
  { name: "openai", operations: ["text", "tools", "stream", "retry", "embed"] },
  { name: "ai-sdk", operations: ["text", "tools", "stream", "retry", "embed"] },
  { name: "openai-agents", operations: ["text", "tools", "stream", "retry"] },
  {
    name: "anthropic",
    operations: ["text", "tools", "stream", "retry"],
    // The SDK has one span for all attempts of a call.
    known: { retry: ["1 CLIENT spans of HTTP for 2 requests"] },
  },
  { name: "anthropic-plain", folder: "anthropic", variant: "plain", operations: ["text", "tools", "stream", "retry"] },
  { name: "google-genai", operations: ["text", "tools", "stream", "retry", "embed"] },
  { name: "langchain", operations: ["text", "tools", "graph", "stream", "retry", "embed"] },
  {
    name: "openinference",
    folder: "langchain",
    variant: "openinference",
    operations: ["text", "tools", "graph", "stream", "retry", "embed"],
  },
  { name: "mastra", operations: ["text", "tools", "stream", "retry"] },
  { name: "genkit", operations: ["text", "tools", "stream", "retry"] },
  {
    name: "genkit-roots",
    folder: "genkit",
    variant: "roots",
    operations: ["text"],
    // Genkit starts a trace for each flow unless disableOTelRootSpanDetection() is called.
    known: {
      text: [
        '"POST" of a2a-otel is in another trace',
        '"generate" of genkit-tracer is in another trace',
        '"openai/gpt-4o" of genkit-tracer is in another trace',
        '"text" of genkit-tracer is in another trace',
        "another trace in traceparent in a request for /v1/chat/completions",
      ],
    },
  },
  { name: "a2a-jsonrpc", folder: "a2a", variant: "jsonrpc", partner: "a2a", operations: ["send", "stream"] },
  { name: "a2a-rest", folder: "a2a", variant: "rest", partner: "a2a", operations: ["send", "stream"] },
  { name: "a2a-grpc", folder: "a2a", variant: "grpc", partner: "a2a", operations: ["send", "stream"] },
  { name: "mcp-v1", partner: "mcp-v1", operations: ["tools"], known: { tools: STANDING_STREAM } },
  { name: "mcp-v2", partner: "mcp-v2", operations: ["tools"], known: { tools: STANDING_STREAM } },
  { name: "nest-express", folder: "nest", operations: ["text", "tools"] },
  { name: "nest-fastify", folder: "nest", variant: "fastify", operations: ["text", "tools"] },
  { name: "koa", operations: ["text", "tools", "stream"] },
  { name: "aws", operations: ["text", "tools", "retry", "object"] },
];
