import { isTracingSuppressed, unsuppressTracing } from "@opentelemetry/core";
import { context as contextApi, isSpanContextValid } from "@opentelemetry/api";
import type { Context, Span } from "@opentelemetry/api";
import { SPAN_KEY, SUPPRESSION_KEY } from "./context-keys.ts";

/**
 * The context that an outbound call's transport runs in: the parent's, with the call's span active, and with a switch for suppression.
 *
 * While `suppressing` is on, instrumentation that listens below us (to the channels of undici, to node:http) finds tracing suppressed and
 * keeps out, so that an attempt has one span and one header. It is on only in the moments in which a transport creates a request: the
 * application's own code runs in this context too (body generators, custom fetch functions), and its spans must live.
 */
export class CallContext implements Context {
  readonly #parent: Context;
  readonly #span: Span | undefined;
  readonly call: Suppressible;
  readonly #placeholder: boolean;

  constructor(parent: Context, span: Span | undefined, call: Suppressible, placeholder = false) {
    this.#parent = parent;
    this.#span = span;
    this.call = call;
    this.#placeholder = placeholder;
  }

  getValue(key: symbol): unknown {
    if (key === SPAN_KEY && this.#span !== undefined) return this.#span;
    if (key === SUPPRESSION_KEY) return this.#isSuppressing() || this.#parent.getValue(key);
    if (key === APPLICATION_SUPPRESSION_KEY) return this.#parent.getValue(SUPPRESSION_KEY) === true;
    return this.#parent.getValue(key);
  }

  // A context derived from this one keeps the switch: what a transport derives is still the transport.
  setValue(key: symbol, value: unknown): Context {
    const suppressing = this.#isSuppressing();
    if (suppressing && key === SPAN_KEY && isNoSpan(value)) return new CallContext(this.#parent, this.#span, this.call, true);
    const call = this.#placeholder && !suppressing ? INERT : this.call;
    return new CallContext(
      this.#parent.setValue(key, value),
      key === SPAN_KEY ? undefined : this.#span,
      call,
      this.#placeholder && suppressing,
    );
  }

  deleteValue(key: symbol): Context {
    const call = key === SUPPRESSION_KEY ? INERT : this.call;
    return new CallContext(this.#parent.deleteValue(key), key === SPAN_KEY ? undefined : this.#span, call);
  }

  /**
   * A suppressed instrumentation puts the span that it did not get into a context, injects from that, and then runs the transport in it,
   * and so the application's code (`lookup`, an agent) too: that finds the call's span there and, once the context is active, no suppression.
   */
  #isSuppressing(): boolean {
    return this.call.suppressing && !(this.#placeholder && contextApi.active() === this);
  }
}

/** Whether a value is the span that a tracer gives where tracing is suppressed. */
function isNoSpan(value: unknown): boolean {
  const span = value as Partial<Span> | undefined;
  return typeof span?.spanContext === "function" && !isSpanContextValid(span.spanContext());
}

/** What has the switch of a {@link CallContext}. */
export interface Suppressible {
  suppressing: boolean;
}

// On only while a request is created in such a context.
const INERT: Suppressible = { suppressing: false };

/**
 * Whether the application has suppressed tracing. Our own switch does not count: a request that a custom fetch makes before the one that
 * it was asked for is a call of its own. The key is shared by all copies of this package.
 */
export function isSuppressed(context: Context): boolean {
  const byApplication = context.getValue(APPLICATION_SUPPRESSION_KEY);
  return byApplication === undefined ? isTracingSuppressed(context) : byApplication === true;
}

/**
 * The context that a call is made in, without the suppression of our own switch: a call that is made while it is on is recorded and propagated
 * like any other. Undefined where the application has suppressed tracing.
 */
export function unsuppressed(context: Context): Context | undefined {
  if (!isTracingSuppressed(context)) return context;
  return isSuppressed(context) ? undefined : unsuppressTracing(context);
}

const APPLICATION_SUPPRESSION_KEY = Symbol.for("a2a-otel.suppressed-by-application");
