import { isTracingSuppressed, unsuppressTracing } from "@opentelemetry/core";
import { context as contextApi, isSpanContextValid, trace } from "@opentelemetry/api";
import type { Context, Span } from "@opentelemetry/api";
import { sharedSymbol } from "../telemetry/shared-state.ts";
import { SPAN_KEY, SUPPRESSION_KEY } from "./context-keys.ts";

/** An outbound call, as far as its context needs it. */
export interface Suppressible {
  /** Whether other instrumentation below the call finds tracing suppressed: only while the transport creates a request. */
  suppressing: boolean;
}

/**
 * How a context answers whether tracing is suppressed: by the call's switch; by the switch unless the context is active (see
 * {@link CallContext.setValue}); or by its parent alone.
 */
type SuppressionMode = "switch" | "switch-until-active" | "parent";

const CALL_KEY = sharedSymbol("call");
const SUPPRESSED_BY_APPLICATION_KEY = sharedSymbol("suppressed-by-application");

/**
 * The context that an outbound call's transport runs in: the parent's, with the call's span active, and with a switch for suppression.
 *
 * While the call's `suppressing` is on, other instrumentation on a lower level (in undici's channels, in node:http) finds tracing suppressed, so
 * that an attempt has one span and one header. It is on only while a transport creates a request: the application's own code runs in this
 * context too (body generators, custom fetch functions), and its spans must not be suppressed.
 */
export class CallContext implements Context {
  readonly call: Suppressible;
  readonly #parent: Context;
  readonly #span: Span | undefined;
  readonly #mode: SuppressionMode;

  constructor(parent: Context, span: Span | undefined, call: Suppressible, mode: SuppressionMode = "switch") {
    const isSpanKeyKnown = span === undefined || SPAN_KEY !== undefined;
    this.#parent = isSpanKeyKnown ? parent : trace.setSpan(parent, span);
    this.#span = isSpanKeyKnown ? span : undefined;
    this.call = call;
    this.#mode = mode;
  }

  getValue(key: symbol): unknown {
    if (key === SPAN_KEY && this.#span !== undefined) return this.#span;
    if (key === SUPPRESSION_KEY) return this.#isSuppressing() || this.#parent.getValue(key);
    if (key === CALL_KEY) return this.call;
    if (key === SUPPRESSED_BY_APPLICATION_KEY)
      return SUPPRESSION_KEY !== undefined && this.#parent.getValue(SUPPRESSION_KEY) === true;
    return this.#parent.getValue(key);
  }

  /**
   * A context derived from this one keeps the switch, because what a transport derives still belongs to the transport.
   *
   * An instrumentation that finds tracing suppressed puts an invalid span into a context, injects from that context, and then runs the transport in it.
   * Application code (`lookup`, an agent) runs there too: it must find the call's span, and no suppression once the context is active.
   */
  setValue(key: symbol, value: unknown): Context {
    const isSuppressing = this.#isSuppressing();
    if (isSuppressing && key === SPAN_KEY && isInvalidSpan(value)) {
      return new CallContext(this.#parent, this.#span, this.call, "switch-until-active");
    }
    const mode = this.#mode === "switch-until-active" && !isSuppressing ? "parent" : this.#mode;
    return new CallContext(this.#parent.setValue(key, value), key === SPAN_KEY ? undefined : this.#span, this.call, mode);
  }

  deleteValue(key: symbol): Context {
    const mode = key === SUPPRESSION_KEY ? "parent" : this.#mode;
    return new CallContext(this.#parent.deleteValue(key), key === SPAN_KEY ? undefined : this.#span, this.call, mode);
  }

  #isSuppressing(): boolean {
    if (!this.call.suppressing || this.#mode === "parent") return false;
    return this.#mode === "switch" || contextApi.active() !== this;
  }
}

/** Whether a value is the span that a tracer returns while tracing is suppressed. */
function isInvalidSpan(value: unknown): boolean {
  const span = value as Partial<Span> | undefined;
  return typeof span?.spanContext === "function" && !isSpanContextValid(span.spanContext());
}

/** The call in whose transport the active code runs, of any copy of this package; undefined outside of a call. */
export function enclosingCall(context: Context): Suppressible | undefined {
  return context.getValue(CALL_KEY) as Suppressible | undefined;
}

/**
 * Whether the application has suppressed tracing. The switch of a call does not count: if a custom fetch makes another request before the one that
 * it was called for, that request is a separate call.
 */
export function isSuppressed(context: Context): boolean {
  const byApplication = context.getValue(SUPPRESSED_BY_APPLICATION_KEY);
  return byApplication === undefined ? isTracingSuppressed(context) : byApplication === true;
}

/**
 * The context without the suppression of a call's switch: a call that starts while the switch is on is recorded and propagated like any other.
 * Undefined if the application has suppressed tracing.
 */
export function withoutCallSuppression(context: Context): Context | undefined {
  if (!isTracingSuppressed(context)) return context;
  return isSuppressed(context) ? undefined : unsuppressTracing(context);
}
