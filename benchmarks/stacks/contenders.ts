import { OPENTELEMETRY } from "./alternate.ts";
import type { Contender } from "./alternate.ts";

const importing = (...modules: string[]): string[] => modules.flatMap((module) => ["--import", module]);
const here = (file: string): string => new URL(`../peers/${file}`, import.meta.url).href;

/** What else traces the clients: OpenTelemetry's own instrumentation-undici and instrumentation-http, and what benchmarks/peers installs. */
export const PEERS: readonly Contender[] = [
  OPENTELEMETRY,
  { name: "@vercel/otel", way: "plain", flags: importing(here("vercel.ts")), stacks: ["fetch"] },
  { name: "@sentry/node", way: "plain", flags: importing(here("sentry.ts")) },
  {
    name: "dd-trace",
    way: "plain",
    flags: importing(here("node_modules/dd-trace/register.js"), here("datadog.ts")),
    environment: {
      DD_INSTRUMENTATION_TELEMETRY_ENABLED: "false",
      DD_REMOTE_CONFIGURATION_ENABLED: "false",
      DD_TRACE_STARTUP_LOGS: "false",
    },
  },
];
