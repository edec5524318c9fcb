import { ROOT_CONTEXT, SpanKind, trace } from "@opentelemetry/api";
import type { Attributes, Context, Span, SpanContext } from "@opentelemetry/api";
import type { RPCMetadata } from "@opentelemetry/core";
import { HTTP_REQUEST_METHOD, URL_FULL, URL_PATH } from "../http/attributes.ts";
import { splitTarget } from "../http/server-attributes.ts";
import { RPC_METADATA_KEY, SPAN_KEY } from "./context-keys.ts";
import { isProcessRoot } from "./process-root.ts";

/**
 * The context that a received request is handled in: the caller's context, with the request's SERVER span as the active span and its RPC
 * metadata. Contexts that are derived from it are of this class too, which is how middleware that instruments the same request again is
 * recognised (`@hono/otel` always extracts the request's headers and starts a SERVER span):
 *
 * - The caller's span is not made active again, so that the second span becomes a child of the SERVER span.
 * - The second span becomes an INTERNAL span, so that the request has one SERVER span.
 */
export class RequestContext implements Context {
  readonly #parent: Context;
  readonly #span: Span | undefined;
  readonly #metadata: RPCMetadata;
  readonly #caller: SpanContext | undefined;

  constructor(parent: Context, span: Span | undefined, metadata: RPCMetadata, caller: SpanContext | undefined) {
    this.#parent = parent;
    this.#span = span;
    this.#metadata = metadata;
    this.#caller = caller;
  }

  getValue(key: symbol): unknown {
    if (key === SPAN_KEY && this.#span !== undefined) return this.#span;
    return key === RPC_METADATA_KEY ? this.#metadata : this.#parent.getValue(key);
  }

  setValue(key: symbol, value: unknown): Context {
    if (key === RPC_METADATA_KEY) return this.#withoutMetadata().setValue(key, value);
    if (key !== SPAN_KEY) return new RequestContext(this.#parent.setValue(key, value), this.#span, this.#metadata, this.#caller);
    const span = value as Span;
    if (this.#isCaller(span)) return this;
    if (isDuplicate(span, this.#metadata.span)) Reflect.set(span, "kind", SpanKind.INTERNAL);
    return new RequestContext(this.#parent, span, this.#metadata, this.#caller);
  }

  deleteValue(key: symbol): Context {
    if (key === RPC_METADATA_KEY) return this.#withoutMetadata().deleteValue(key);
    const span = key === SPAN_KEY ? undefined : this.#span;
    return new RequestContext(this.#parent.deleteValue(key), span, this.#metadata, this.#caller);
  }

  #withoutMetadata(): Context {
    return this.#span === undefined ? this.#parent : trace.setSpan(this.#parent, this.#span);
  }

  #isCaller(span: Span): boolean {
    if (this.#caller === undefined || this.#span === undefined) return false;
    const { traceId, spanId } = span.spanContext();
    return spanId === this.#caller.spanId && traceId === this.#caller.traceId;
  }
}

/**
 * Whether a span is another HTTP SERVER span of the request that `own` covers. A SERVER span without an HTTP method is that of a protocol on
 * top of HTTP, and one with another path is that of a request which the handler has dispatched inside the process.
 */
function isDuplicate(span: Span, own: Span): boolean {
  const { kind, attributes = {} } = span as { kind?: SpanKind; attributes?: Attributes };
  const { attributes: ownAttributes = {} } = own as { attributes?: Attributes };
  if (kind !== SpanKind.SERVER || span === own || attributes[HTTP_REQUEST_METHOD] !== ownAttributes[HTTP_REQUEST_METHOD])
    return false;
  return splitTarget(String(attributes[URL_PATH] ?? attributes[URL_FULL])).path === ownAttributes[URL_PATH];
}

/**
 * A context without its active span; the very same context if it has none. Of the process's root nothing remains: it is that of no request.
 */
export function withoutSpan(context: Context): Context {
  if (isProcessRoot(context)) return ROOT_CONTEXT;
  return trace.getSpan(context) === undefined ? context : trace.deleteSpan(context);
}
