/**
 * `node --import a2a-otel/register agent.js`: instruments global fetch. A context manager is looked for when the first call or request
 * comes, so that an SDK that starts in between finds its place free; where there still is none, ours is set.
 */
import { onMissingContextManager } from "./core/telemetry/tracer.ts";
import { instrumentFetch } from "./fetch.ts";
import { setupPropagation } from "./setup.ts";

onMissingContextManager(() => setupPropagation());
instrumentFetch();
