/** One way in which a product is set up, and what then goes wrong beside us. */
export interface Variant {
  readonly name: string;
  /** The folder with its packages. */
  readonly product: string;
  /** The file that is preloaded. */
  readonly setup: string;
  environment(receiver: string): Record<string, string>;
  /** Headers that the driver sends too, where the product does not read W3C's. */
  readonly alsoSent?: (traceId: string, spanId: string) => Record<string, string>;
  /** What is known to go wrong, as docs/coexistence.md says: for each client, of either server and order. */
  readonly expected: (client: string, order: string, server: string) => readonly string[];
}

type Expected = Variant["expected"];
const fine: Expected = () => [];
const always =
  (...wrong: string[]): Expected =>
  () =>
    wrong;
const forClients =
  (clients: readonly string[], ...wrong: string[]): Expected =>
  (client) =>
    clients.includes(client) ? wrong : [];
const behindExpress =
  (...wrong: string[]): Expected =>
  (_client, _order, server) =>
    server === "express" ? wrong : [];
const both =
  (...all: Expected[]): Expected =>
  (client, order, server) =>
    all.flatMap((each) => each(client, order, server));

const otlp = (receiver: string): Record<string, string> => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: receiver,
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${receiver}/v1/traces`,
  OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
  OTEL_METRICS_EXPORTER: "none",
  OTEL_LOGS_EXPORTER: "none",
  // Those of the clouds ask for their machine's address over the network.
  OTEL_NODE_RESOURCE_DETECTORS: "none",
});

// With OTEL_EXPORTER_OTLP_ENDPOINT it would send each span a second time, by an exporter of its own.
const vercel = (receiver: string): Record<string, string> => ({ TRACES_URL: `${receiver}/v1/traces` });

const datadog = (receiver: string): Record<string, string> => ({
  DD_TRACE_AGENT_URL: receiver,
  DD_TRACE_STARTUP_LOGS: "false",
  DD_INSTRUMENTATION_TELEMETRY_ENABLED: "false",
  DD_REMOTE_CONFIGURATION_ENABLED: "false",
  DD_CRASHTRACKING_ENABLED: "false",
});

const sentry = (receiver: string): Record<string, string> => ({
  SENTRY_LOOPBACK_DSN: `${receiver.replace("://", "://public@")}/1`,
});
const sentryW3c = (receiver: string): Record<string, string> => ({ ...sentry(receiver), AGENT_PROPAGATOR: "w3c" });
const sentryTrace = (traceId: string, spanId: string): Record<string, string> => ({ "sentry-trace": `${traceId}-${spanId}-1` });

const langfuse = (receiver: string): Record<string, string> => ({
  LANGFUSE_BASE_URL: receiver,
  LANGFUSE_PUBLIC_KEY: "public",
  LANGFUSE_SECRET_KEY: "secret",
  OTEL_NODE_RESOURCE_DETECTORS: "none",
});

export const VARIANTS: readonly Variant[] = [
  { name: "node-sdk", product: "node-sdk", setup: "./setup.ts", environment: otlp, expected: fine },
  {
    name: "node-sdk-off",
    product: "node-sdk",
    setup: "./setup-off.ts",
    environment: otlp,
    expected: behindExpress("another trace in traceparent", "0 CLIENT spans", "1 SERVER spans (a2a-otel)"),
  },
  { name: "node-sdk-register", product: "node-sdk", setup: "./register.ts", environment: otlp, expected: fine },
  {
    name: "node-sdk-loader",
    product: "node-sdk",
    setup: "./loader.ts",
    environment: otlp,
    expected: forClients(["axios", "got"], "2 CLIENT spans (@opentelemetry/instrumentation-http, a2a-otel)"),
  },
  { name: "node-sdk-loader-off", product: "node-sdk", setup: "./loader-off.ts", environment: otlp, expected: fine },
  {
    name: "sentry",
    product: "sentry",
    setup: "./setup.ts",
    environment: sentry,
    alsoSent: sentryTrace,
    expected: always("baggage lost"),
  },
  {
    name: "sentry-register",
    product: "sentry",
    setup: "./setup-register.ts",
    environment: sentry,
    alsoSent: sentryTrace,
    expected: always("traceparent names no CLIENT span"),
  },
  {
    name: "sentry-otel",
    product: "sentry",
    setup: "./setup-otel.ts",
    environment: sentry,
    alsoSent: sentryTrace,
    expected: (client) => [
      "baggage lost",
      `2 CLIENT spans (auto.http.${client === "fetch" || client === "undici" ? "node_fetch" : "client"}, manual)`,
      "4 SERVER spans (auto.http.http_server, auto.http.http_server, manual, manual)",
    ],
  },
  {
    name: "sentry-propagation",
    product: "sentry",
    setup: "./setup-propagation.ts",
    environment: sentry,
    alsoSent: sentryTrace,
    expected: always("traceparent names no CLIENT span"),
  },
  {
    name: "sentry-otel-off",
    product: "sentry",
    setup: "./setup-otel-off.ts",
    environment: sentry,
    alsoSent: sentryTrace,
    expected: both(always("baggage lost"), behindExpress("a CLIENT span is under no SERVER span")),
  },
  {
    name: "sentry-otel-w3c",
    product: "sentry",
    setup: "./setup-otel-off.ts",
    environment: sentryW3c,
    expected: behindExpress("another trace in traceparent", "baggage lost", "0 CLIENT spans", "1 SERVER spans (manual)"),
  },
  { name: "datadog", product: "datadog", setup: "./setup.ts", environment: datadog, expected: fine },
  {
    name: "datadog-otel",
    product: "datadog",
    setup: "./setup-otel.ts",
    environment: datadog,
    expected: (client, _order, server) => [
      ...(server === "express" ? [] : ["baggage lost"]),
      `2 CLIENT spans (OpenTelemetry, ${client === "fetch" || client === "undici" ? client : "http"})`,
      `4 SERVER spans (OpenTelemetry, OpenTelemetry, ${server === "node" ? "http, http" : "express, express"})`,
    ],
  },
  { name: "datadog-off", product: "datadog", setup: "./setup-off.ts", environment: datadog, expected: fine },
  {
    name: "vercel",
    product: "vercel",
    setup: "./setup.ts",
    environment: vercel,
    expected: (client, order) => (client === "fetch" && order === "ours" ? ["2 CLIENT spans (@vercel/otel/fetch, a2a-otel)"] : []),
  },
  { name: "vercel-off", product: "vercel", setup: "./setup-off.ts", environment: vercel, expected: fine },
  {
    name: "langfuse",
    product: "langfuse",
    setup: "./setup.ts",
    environment: langfuse,
    expected: always("0 CLIENT spans", "0 SERVER spans"),
  },
  { name: "langfuse-all", product: "langfuse", setup: "./setup-all.ts", environment: langfuse, expected: fine },
  { name: "traceloop", product: "traceloop", setup: "./setup.ts", environment: otlp, expected: fine },
];
