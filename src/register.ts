/**
 * `node --import a2a-otel/register agent.js`: instruments every outbound HTTP request without any code, and propagates traces if there is no SDK. On other
 * runtimes than Node.js it instruments the global fetch.
 *
 * The environment variables `A2A_OTEL_PROPAGATE_TO`, `A2A_OTEL_BAGGAGE_TO` and `A2A_OTEL_BAGGAGE_KEYS`, comma-separated lists, are the options `propagateTo`,
 * `baggageTo` and `baggageKeys`. An invalid value throws.
 *
 * A trace in the environment (`TRACEPARENT`, `TRACESTATE`, `BAGGAGE`) is continued wherever no other parent is active.
 */
import { ROOT_CONTEXT } from "@opentelemetry/api";
import { setProcessRoot } from "./core/context/process-root.ts";
import { registerReplaceableContextManager } from "./core/context/replaceable-context-manager.ts";
import { policyFromEnvironment } from "./core/propagation/policy-environment.ts";
import { isNode } from "./core/telemetry/environment.ts";
import { extractEnvironment } from "./environment.ts";
import { instrumentFetch } from "./fetch.ts";
import { instrumentNode } from "./node.ts";

setProcessRoot(extractEnvironment(undefined, ROOT_CONTEXT));
registerReplaceableContextManager();
if (isNode()) instrumentNode(policyFromEnvironment());
else instrumentFetch(policyFromEnvironment());
