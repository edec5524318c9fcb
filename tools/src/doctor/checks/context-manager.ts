import type { PropagationSetup } from "a2a-otel/diagnostics";
import type { Api } from "../app-modules.ts";
import type { Findings } from "../findings.ts";
import { className, tryGet } from "../try-get.ts";

const EMITTER = "listeners of a bound EventEmitter";
const PROBE = Symbol("a2a-otel.doctor");

/** The ways in which code continues later. A context must be active again in each of them. */
const CONTINUATIONS: Record<string, (resume: () => void, api: Api) => void> = {
  await: (resume) => void Promise.resolve().then(resume),
  setTimeout: (resume) => void setTimeout(resume, 1),
  setImmediate: (resume) => void setImmediate(resume),
  "process.nextTick": (resume) => process.nextTick(resume),
  [EMITTER]: throughEmitter,
};

/** `context.bind` of an emitter keeps the context for its listeners, in whichever context the event is emitted. */
function throughEmitter(callback: () => void, { ROOT_CONTEXT, context }: Api): void {
  const { EventEmitter } = process.getBuiltinModule("node:events");
  const emitter = context.bind(context.active(), new EventEmitter());
  emitter.on("event", callback);
  context.with(ROOT_CONTEXT, () => emitter.emit("event"));
}

/** The continuations in which the context is not active. Nothing is registered: the probe is a value of a context of its own. */
async function findLosses(api: Api): Promise<string[]> {
  const { ROOT_CONTEXT, context } = api;
  const probes = Object.entries(CONTINUATIONS).map(([name, continueLater]) => {
    const probe = ROOT_CONTEXT.setValue(PROBE, name);
    return new Promise<string | undefined>((resolve) => {
      const check = (): void => resolve(context.active().getValue(PROBE) === name ? undefined : name);
      // A function that the platform does not have cannot lose the context.
      if (tryGet(() => context.with(probe, () => (continueLater(check, api), true))) === undefined) resolve(undefined);
    });
  });
  return (await Promise.all(probes)).filter((name) => name !== undefined);
}

/** @param cameWithFirstCall whether the context manager was registered by the first outbound call, as `a2a-otel/register` may do it. */
export async function checkContextManager(
  findings: Findings,
  api: Api,
  { contextManager, tracerProvider }: PropagationSetup,
  cameWithFirstCall: boolean,
): Promise<void> {
  if (contextManager === "none") {
    findings.error(
      "context-manager",
      "No context manager is registered. Code after an await, and calls that are made while a request is handled, do not find their trace: each call " +
        "begins a new trace, or carries none.",
      'Start an SDK that registers one (NodeSDK, or NodeTracerProvider.register()), or call setupPropagation() of "a2a-otel/setup" after your SDK has started.',
    );
    return;
  }
  if (cameWithFirstCall && tracerProvider !== "none") {
    findings.error(
      "context-manager",
      "No context manager was registered until the first outbound call, when a2a-otel registered one. Spans that were started before are not the parent " +
        "of that call, so the first trace is broken.",
      'Call setupPropagation() of "a2a-otel/setup" after your SDK has started, or start an SDK that registers a context manager (NodeSDK).',
    );
    return;
  }
  const name = contextManagerName();
  const inBrackets = name === undefined ? "" : ` (${name})`;
  const losses = await findLosses(api);
  if (losses.length === 1 && losses[0] === EMITTER) {
    findings.warn(
      "context-manager",
      `The context manager${inBrackets} keeps the context, except for listeners of an EventEmitter that was passed to context.bind().`,
      "Register an AsyncLocalStorageContextManager (@opentelemetry/context-async-hooks), which keeps it there too.",
    );
    return;
  }
  if (losses.length > 0) {
    findings.error(
      "context-manager",
      `The context manager${inBrackets} loses the context in: ${losses.join(", ")}. Code that runs there does not find its trace.`,
      "Register an AsyncLocalStorageContextManager (@opentelemetry/context-async-hooks) with the `contextManager` option of your SDK, or call setupPropagation() " +
        "without registering another one.",
    );
    return;
  }
  const source =
    contextManager === "other"
      ? "by the application"
      : cameWithFirstCall
        ? "by a2a-otel/register when the first call was made"
        : "by a2a-otel";
  findings.ok(
    "context-manager",
    `A context manager${inBrackets} is registered ${source}. It keeps the context in: ${Object.keys(CONTINUATIONS).join(", ")}.`,
  );
}

function contextManagerName(): string | undefined {
  const registry = (globalThis as unknown as Record<symbol, { context?: unknown } | undefined>)[
    Symbol.for("opentelemetry.js.api.1")
  ];
  return className(registry?.context);
}
