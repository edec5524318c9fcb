import { trace } from "@opentelemetry/api";
import type { Context, Span } from "@opentelemetry/api";
import { setRPCMetadata } from "@opentelemetry/core";
import type { RPCMetadata } from "@opentelemetry/core";
import { RPC_METADATA_KEY, SPAN_KEY } from "./context-keys.ts";

/**
 * The context that a received request is handled in: the caller's, with the request's span active and its RPC metadata. One object that answers for
 * the two, instead of two copies of the caller's context.
 */
export class RequestContext implements Context {
  readonly #parent: Context;
  readonly #span: Span | undefined;
  readonly #metadata: RPCMetadata;

  constructor(parent: Context, span: Span | undefined, metadata: RPCMetadata) {
    this.#parent = parent;
    this.#span = span;
    this.#metadata = metadata;
  }

  getValue(key: symbol): unknown {
    if (key === SPAN_KEY && this.#span !== undefined) return this.#span;
    return key === RPC_METADATA_KEY ? this.#metadata : this.#parent.getValue(key);
  }

  setValue(key: symbol, value: unknown): Context {
    return this.#copy().setValue(key, value);
  }

  deleteValue(key: symbol): Context {
    return this.#copy().deleteValue(key);
  }

  #copy(): Context {
    const copy = setRPCMetadata(this.#parent, this.#metadata);
    return this.#span === undefined ? copy : trace.setSpan(copy, this.#span);
  }
}
