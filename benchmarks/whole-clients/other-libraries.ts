import { OPENTELEMETRY } from "./compare.ts";
import type { Contender } from "./compare.ts";

const importFlags = (...modules: string[]): string[] => modules.flatMap((module) => ["--import", module]);
const peerModule = (file: string): string => new URL(`../peers/${file}`, import.meta.url).href;

/** OpenTelemetry's own instrumentations, and the libraries that are installed into benchmarks/peers. */
export const OTHER_LIBRARIES: readonly Contender[] = [
  OPENTELEMETRY,
  { name: "@vercel/otel", tracing: "none", flags: importFlags(peerModule("vercel.ts")), clients: ["fetch"] },
  { name: "@sentry/node", tracing: "none", flags: importFlags(peerModule("sentry.ts")) },
  {
    name: "dd-trace",
    tracing: "none",
    flags: importFlags(peerModule("node_modules/dd-trace/register.js"), peerModule("datadog.ts")),
    environment: {
      DD_INSTRUMENTATION_TELEMETRY_ENABLED: "false",
      DD_REMOTE_CONFIGURATION_ENABLED: "false",
      DD_TRACE_STARTUP_LOGS: "false",
    },
  },
];
