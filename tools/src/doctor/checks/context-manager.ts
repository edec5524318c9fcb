import type { PropagationSetup } from "a2a-otel/diagnostics";
import type { Api } from "../app-modules.ts";
import { className, tryGet } from "../try-get.ts";
import type { Findings } from "../findings.ts";

const EMITTER = "listeners of a bound EventEmitter";
const PROBE = Symbol("a2a-otel.doctor");

/** The ways by which code comes later, and in each of which a context has to be found again. */
const LATER: Record<string, (then: () => void, api: Api) => void> = {
  await: (then) => void Promise.resolve().then(then),
  setTimeout: (then) => void setTimeout(then, 1),
  setImmediate: (then) => void setImmediate(then),
  "process.nextTick": (then) => process.nextTick(then),
  [EMITTER]: throughEmitter,
};

/** `context.bind` on an emitter keeps the context for its listeners, whoever emits. */
function throughEmitter(then: () => void, { ROOT_CONTEXT, context }: Api): void {
  const { EventEmitter } = process.getBuiltinModule("node:events");
  const emitter = context.bind(context.active(), new EventEmitter());
  emitter.on("event", then);
  context.with(ROOT_CONTEXT, () => emitter.emit("event"));
}

/** Where a context is not found again. Nothing is set: the probe lives in a context of its own. */
async function whereContextIsLost(api: Api): Promise<string[]> {
  const { ROOT_CONTEXT, context } = api;
  const tries = Object.entries(LATER).map(([name, later]) => {
    const probe = ROOT_CONTEXT.setValue(PROBE, name);
    return new Promise<string | undefined>((resolve) => {
      const look = (): void => resolve(context.active().getValue(PROBE) === name ? undefined : name);
      // What a platform does not have cannot lose anything.
      if (tryGet(() => context.with(probe, () => (later(look, api), true))) === undefined) resolve(undefined);
    });
  });
  return (await Promise.all(tries)).filter((name) => name !== undefined);
}

/** @param setByCall whether a context manager came with the first call: `a2a-otel/register` brings one then. */
export async function checkContextManager(
  findings: Findings,
  api: Api,
  { contextManager }: PropagationSetup,
  setByCall: boolean,
): Promise<void> {
  if (contextManager === "none") {
    findings.error(
      "context-manager",
      "No context manager is registered: code behind an await, and a call that is made while a request is handled, do not know in which trace they " +
        "are. Each call begins a trace of its own, or carries none.",
      'start an SDK that brings one (NodeSDK, NodeTracerProvider.register()), or call setupPropagation() of "a2a-otel/setup" when yours has started.',
    );
    return;
  }
  const name = managerName();
  const inBrackets = name === undefined ? "" : ` (${name})`;
  const lost = await whereContextIsLost(api);
  if (lost.length === 1 && lost[0] === EMITTER) {
    findings.warn(
      "context-manager",
      `The context manager${inBrackets} keeps the context, but not for the listeners of an EventEmitter that context.bind() was called on.`,
      "an AsyncLocalStorageContextManager (@opentelemetry/context-async-hooks) does.",
    );
    return;
  }
  if (lost.length > 0) {
    findings.error(
      "context-manager",
      `The context manager${inBrackets} loses the context in: ${lost.join(", ")}. What runs there does not know in which trace it is.`,
      "register an AsyncLocalStorageContextManager (@opentelemetry/context-async-hooks): the SDK's `contextManager` option, or setupPropagation() with none before it.",
    );
    return;
  }
  const whose =
    contextManager === "ours"
      ? setByCall
        ? "a2a-otel/register sets one when the first call comes"
        : "a2a-otel's"
      : "the application's";
  findings.ok(
    "context-manager",
    `A context manager is registered (${whose}${name === undefined ? "" : `, ${name}`}); it keeps the context across ${Object.keys(LATER).join(", ")}.`,
  );
}

function managerName(): string | undefined {
  const registry = (globalThis as unknown as Record<symbol, { context?: unknown } | undefined>)[
    Symbol.for("opentelemetry.js.api.1")
  ];
  return className(registry?.context);
}
