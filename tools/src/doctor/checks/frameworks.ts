import type { Findings } from "../findings.ts";
import type { PackageCopy } from "../packages.ts";

/** The last versions of `@ai-sdk/provider-utils` by major version whose guard works with Node's own fetch only. */
const AI_SDK_GUARDS: Record<string, number> = { "3.0": 40, "4.0": 56, "5.0": 41 };

/** Reports frameworks that are loaded and whose traces need attention. */
export function checkFrameworks(
  findings: Findings,
  packages: readonly PackageCopy[],
  fastify: readonly (readonly string[])[],
  isFetchReplaced: boolean,
): void {
  const guarded = packages.filter(isGuardedAiSdk);
  if (isFetchReplaced && guarded.length > 0) {
    const versions = guarded.map(({ name, version }) => `${name} ${version}`).join(" and ");
    findings.warn(
      "ai-sdk-guard",
      `${versions} is loaded, and the global fetch is replaced. These versions protect downloads against names that resolve to private addresses only while ` +
        "the global fetch is Node's own, so that protection is off.",
      'Update the AI SDK. Or replace instrumentFetch() by instrumentNode() of "a2a-otel/node" or `node --import a2a-otel/register`, which leave the global ' +
        "fetch as it is.",
    );
  }
  const otelFirst = fastify.some((names) => {
    const own = names.indexOf("a2a-otel");
    const other = names.indexOf("@fastify/otel");
    return other !== -1 && own !== -1 && other < own;
  });
  if (otelFirst) {
    findings.warn(
      "fastify-otel",
      "@fastify/otel is registered before traceRequests(). It runs handlers in a context of its own, to which the options acceptBaggage and incoming of " +
        "traceRequests() do not apply.",
      'Register traceRequests() of "a2a-otel/server/fastify" first, and @fastify/otel after it, without its option registerOnInitialization.',
    );
  }
  const genkit = packages.find(({ name }) => name === "@genkit-ai/core");
  if (genkit !== undefined && (globalThis as Record<string, unknown>)["__genkit_disableRootSpanDetection"] !== true) {
    findings.warn(
      "genkit",
      `Genkit ${genkit.version} is loaded. It begins a new trace for each flow, so that a flow that runs in a request is not part of the caller's trace.`,
      'Call disableOTelRootSpanDetection() of "genkit/tracing" at the start.',
    );
  }
}

function isGuardedAiSdk({ name, version }: PackageCopy): boolean {
  const [major = "", minor = "", patch = ""] = version.split(".");
  const last = AI_SDK_GUARDS[`${major}.${minor}`];
  return name === "@ai-sdk/provider-utils" && last !== undefined && Number.parseInt(patch, 10) <= last;
}
