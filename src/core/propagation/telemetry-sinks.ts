import { originOf, parseUrl } from "../http/urls.ts";
import type { Origin } from "../http/urls.ts";
import { environmentList } from "../telemetry/environment.ts";
import { compileMatchers } from "./matchers.ts";
import type { Matcher, UrlTest } from "./matchers.ts";

/** Where a tracing product receives its data. */
export interface TelemetrySink {
  /** Default: any host. */
  readonly hosts?: readonly Matcher[];
  /** Matches the path of a request for ingestion as a whole, without a slash at its end. Default: any path. */
  readonly path?: RegExp;
}

const OTLP = /\/v1\/(?:traces|metrics|logs)|\/v1development\/profiles/;

/**
 * Where exporters and tracing products send telemetry. Requests to these URLs are neither traced nor changed. Hosts that also answer questions, and proxies of
 * model APIs (Helicone, Braintrust), have a path: their other requests are calls of the application.
 */
export const telemetrySinks: readonly TelemetrySink[] = [
  // OpenTelemetry, and collectors on their default ports
  { hosts: [/:4318$/, /:6006$/], path: OTLP },
  { hosts: [/:9411$/], path: /\/api\/v2\/spans/ },
  { hosts: [/:14268$/], path: /\/api\/traces/ },
  // Products for agents and language models
  { hosts: ["api.openai.com"], path: /\/v1\/traces\/ingest/ },
  {
    hosts: ["api.smith.langchain.com", "*.api.smith.langchain.com"],
    path: /\/(?:api\/v1\/)?(?:runs(?:\/(?:batch|multipart|[0-9a-f]{8}-[0-9a-f-]{27}))?|otel\/v1\/traces)/,
  },
  { path: /\/api\/public\/(?:ingestion|otel\/v1\/(?:traces|metrics|logs))/ }, // Langfuse, also on hosts of its users
  { hosts: ["api.braintrust.dev", "api-eu.braintrust.dev"], path: /\/(?:logs3|otel\/v1\/(?:traces|logs))/ },
  { hosts: ["api.helicone.ai", "api.worker.helicone.ai"], path: /\/(?:v1\/trace\/log|[a-z]+\/v1\/log)/ },
  { hosts: ["trace.wandb.ai"], path: /\/(?:call\/(?:start|end|upsert_batch)|otel\/v1\/traces)/ },
  { hosts: ["www.comet.com"], path: /\/opik\/api\/v1\/private\/(?:traces|spans)(?:\/batch)?/ },
  { hosts: ["app.langwatch.ai"], path: /\/api\/(?:collector|otel\/v1\/traces)/ },
  { hosts: ["app.phoenix.arize.com"], path: /\/(?:s\/[^/]+\/)?v1\/traces/ },
  { hosts: ["otlp.arize.com", /^https:\/\/otlp\.[a-z0-9-]+\.arize\.com$/, "otlp.agentops.ai"] },
  {
    hosts: ["logfire-api.pydantic.dev", "logfire-us.pydantic.dev", "logfire-eu.pydantic.dev", "api.traceloop.com", "api.axiom.co"],
    path: OTLP,
  },
  // Observability platforms
  { hosts: ["*.ingest.sentry.io", "*.ingest.us.sentry.io", "*.ingest.de.sentry.io"] },
  { path: /\/api\/\d+\/(?:envelope|store|minidump|security)/ }, // Sentry, also on hosts of its users
  {
    hosts: [
      /^https:\/\/(?:[a-z0-9-]+\.)*(?:trace\.agent|otlp|[a-z0-9-]*intake(?:\.[a-z]+)?)\.(?:(?:us3|us5|ap1|ap2)\.)?(?:datadoghq\.(?:com|eu)|ddog-gov\.com)$/,
      /^https:\/\/browser-intake-(?:[a-z0-9]+-)?datadoghq\.(?:com|eu)$/,
    ],
  },
  {
    hosts: [/^https:\/\/api\.(?:[a-z0-9]+\.)?(?:datadoghq\.(?:com|eu)|ddog-gov\.com)$/],
    path: /\/api\/(?:v1\/(?:series|check_run|distribution_points)|v2\/(?:series|logs))/,
  },
  { hosts: [/:8126$/], path: /\/(?:v0\.\d+\/(?:traces|stats)|(?:telemetry\/proxy|evp_proxy|profiling)\/[^?#]+)/ }, // Datadog's agent
  { hosts: ["api.honeycomb.io", "api.eu1.honeycomb.io"], path: /\/(?:v1\/(?:traces|metrics|logs)|1\/(?:events|batch)\/[^/?#]+)/ },
  {
    hosts: [
      "*.nr-data.net",
      /^https:\/\/(?:(?:trace|metric|log)-api|insights-collector|collector(?:-\d+)?)\.(?:eu\.)?newrelic\.com$/,
    ],
  },
  { hosts: [/^https:\/\/(?:otlp-gateway|faro-collector)-[a-z0-9-]+\.grafana\.net$/] },
  { hosts: ["*.grafana.net"], path: /\/(?:loki\/api\/v1\/push|api\/(?:v1\/)?prom\/push|otlp\/v1\/(?:traces|metrics|logs))/ },
  { path: /\/intake\/v2\/(?:rum\/)?events/ }, // Elastic APM
  { path: /\/api\/v2\/otlp\/v1\/(?:traces|metrics|logs)/ }, // Dynatrace
  { hosts: ["*.in.applicationinsights.azure.com", "*.livediagnostics.monitor.azure.com", "dc.services.visualstudio.com"] },
  { hosts: ["telemetry.googleapis.com"] },
  { hosts: ["cloudtrace.googleapis.com"], path: /\/v2\/projects\/[^/]+\/traces:batchWrite/ },
  { hosts: [/^https:\/\/xray\.[a-z0-9-]+\.amazonaws\.com$/], path: /\/(?:v1\/traces|TraceSegments)/ },
  { hosts: [/^https:\/\/ingress\.[a-z0-9.-]+\.dash0\.com$/, /^https:\/\/ingest\.[a-z0-9-]+\.signoz\.cloud$/] },
  { hosts: [/^https:\/\/ingest\.[a-z0-9]+\.(?:signalfx\.com|observability\.splunkcloud\.com)$/] },
];

/** The endpoints of OTLP exporters that the environment names (OpenTelemetry specification, "OpenTelemetry Protocol Exporter"). */
function environmentSinks(): TelemetrySink[] {
  const sinkOf = (variable: string, suffix: string): TelemetrySink[] => {
    const url = parseUrl(environmentList(variable)?.[0] ?? "");
    if (url === undefined || url.host === "") return [];
    const path = url.pathname.replace(/\/$/, "").replace(/[^\w/-]/g, "\\$&");
    return [{ hosts: [url.origin], path: new RegExp(path + suffix) }];
  };
  const signals = ["TRACES", "METRICS", "LOGS"].flatMap((signal) => sinkOf(`OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`, ""));
  return [...sinkOf("OTEL_EXPORTER_OTLP_ENDPOINT", `(?:${OTLP.source})`), ...signals];
}

/** A host of sinks, and the pattern of the paths that belong to it. */
type Compiled = readonly [isHost: UrlTest, path: RegExp | undefined];

/** Matches the sinks of this list and of the environment. */
const matchesSink: UrlTest = (url) => {
  const origin = originOf(url);
  if (origin.address === "") return false;
  const path = paths.get(origin) ?? pathsOf(url, origin);
  path.lastIndex = origin.text.length;
  return path.test(url);
};

/** The pattern of the URLs that are sinks, for each origin for as long as `originOf` caches it. Sticky, so that a test reads little more than the path. */
const paths = new WeakMap<Origin, RegExp>();
/** Compiled at first use: that takes a millisecond of a process's start. */
let compiled: readonly Compiled[] | undefined;

function pathsOf(url: string, origin: Origin): RegExp {
  compiled ??= [...telemetrySinks, ...environmentSinks()].map(({ hosts, path }) => [
    hosts === undefined ? () => true : compileMatchers(hosts),
    path,
  ]);
  const sources = compiled
    .filter(([isHost]) => isHost(url))
    .map(([, path]) => (path === undefined ? "" : `(?:${path.source})\\/?(?![^?#])`));
  const pattern = new RegExp(sources.join("|"), "y");
  paths.set(origin, pattern);
  return pattern;
}

/**
 * Compiles the option `telemetrySinks`.
 *
 * @throws TypeError for a matcher that is not a host or an origin.
 */
export function compileTelemetrySinks(own: false | Matcher | readonly Matcher[] | undefined): UrlTest | undefined {
  if (own === false) return undefined;
  if (own === undefined) return matchesSink;
  const isOwn = compileMatchers(own);
  return (url) => matchesSink(url) || isOwn(url);
}

/**
 * Whether a URL is one to which an exporter or a tracing product sends telemetry (`telemetrySinks`, and the endpoints in `OTEL_EXPORTER_OTLP_ENDPOINT` and
 * its variants for a signal). False for text that is not an absolute URL.
 *
 * @example
 * new UndiciInstrumentation({ ignoreRequestHook: ({ origin, path }) => isTelemetrySink(origin + path) });
 */
export function isTelemetrySink(url: string | URL): boolean {
  const parsed = parseUrl(String(url));
  return parsed !== undefined && matchesSink(parsed.href);
}
