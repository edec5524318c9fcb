import { SpanStatusCode, trace } from "@opentelemetry/api";
import type { Context, Histogram, Span } from "@opentelemetry/api";
import {
  ERROR_TYPE,
  HTTP_RESPONSE_STATUS_CODE,
  NETWORK_PEER_ADDRESS,
  NETWORK_PEER_PORT,
  NETWORK_PROTOCOL_VERSION,
  SERVER_ADDRESS,
  SERVER_PORT,
  URL_FULL,
} from "../http/attributes.ts";
import { redactHeader } from "../http/redaction.ts";
import { isSameOrigin, originOf } from "../http/urls.ts";
import type { A2ARecognition } from "../http/a2a-recognition.ts";
import { CallContext } from "../context/call-context.ts";
import type { Suppressible } from "../context/call-context.ts";
import { readHeader, writeHeaders } from "../propagation/carrier.ts";
import { measuredAttributes } from "../http/client-attributes.ts";
import type { ClientConfig } from "./client-config.ts";
import { errorType, isCancellation, recordException } from "../http/errors.ts";
import { safeCall, reportFailure } from "../telemetry/diagnostics.ts";
import { now } from "../telemetry/meter.ts";
import { removeActiveCall, addActiveCall } from "./active-calls.ts";
import type { ActiveCall } from "./active-calls.ts";
import { hasParent } from "../propagation/parent.ts";
import { dependsOnUrl, injectWithPolicy } from "../propagation/policy.ts";
import { replacedNames } from "../propagation/propagator.ts";
import type { Propagation } from "../propagation/propagator.ts";
import { TRACEPARENT } from "../propagation/trace-context.ts";
import type { Target } from "../http/target.ts";
import type { Exchange } from "../node/undici-channels.ts";

const NOTHING: readonly string[] = [];
const SLASH = 0x2f;

/** One outbound attempt. Its transitions are idempotent, total and cheap; all but the first end are ignored. */
export class ClientCall implements ActiveCall, Suppressible {
  /** Whether foreign instrumentation finds tracing suppressed: on while the transport creates the request. */
  suppressing = false;
  /** What the transport runs in. */
  context: Context;
  /** The propagation headers, to be laid over the caller's. */
  headers: Record<string, string> | undefined;
  /** The names of headers that the caller may have put in by hand and that {@link headers} replace. */
  replaced: readonly string[] = NOTHING;
  /** The `traceparent` by which the request is known while it is under way. */
  id: string | undefined;
  /** Where it stands among the calls under way. */
  place = -1;
  /** What `http.request.resend_count` says. */
  readonly resendCount: number;
  /** The context that the call was made in. */
  readonly parent: Context;
  /** Whether anything is recorded: if not, the adapter need not tell of the response. */
  readonly observed: boolean;
  /** The holder of the switch that {@link context} looks at: all attempts of a call run in the first one's context. */
  readonly suppression: Suppressible;
  readonly config: ClientConfig;
  /** What the client's hooks are told of; nothing once the call has ended, for clients keep what leads here as long as a connection is idle. */
  request: unknown;
  /** The status of the response, once it is there. */
  status: number | undefined;
  ended = false;
  /** What of A2A was recognised in the first attempt; a re-send may lack the headers that told. */
  a2a: A2ARecognition | undefined;
  /** What is told of the requests that carry the call's `traceparent`. A field, for weak maps are dear to the garbage collector. */
  exchange: Exchange | undefined = undefined;

  readonly #span: Span | undefined;
  readonly #recording: boolean;
  readonly #duration: Histogram | undefined;
  #target: Target;
  readonly #start: number;
  #errorType: string | undefined;
  /** What the request carries at another origin. */
  #moved: Record<string, string> | undefined = undefined;
  #protocolVersion: string | undefined;

  constructor(
    config: ClientConfig,
    parent: Context,
    span: Span | undefined,
    duration: Histogram | undefined,
    target: Target,
    request: unknown,
    previous: ClientCall | undefined,
  ) {
    this.config = config;
    this.parent = parent;
    this.#span = span;
    this.#recording = span?.isRecording() === true;
    this.#duration = duration;
    this.#target = target;
    this.request = request;
    this.#start = duration === undefined ? 0 : now();
    this.observed = this.#recording || duration !== undefined;
    this.resendCount = previous === undefined ? 0 : previous.resendCount + 1;
    this.suppression = previous?.suppression ?? this;
    this.context = span === undefined ? parent : new CallContext(parent, span, this.suppression);
  }

  /** As it goes on the wire. */
  get method(): string {
    return this.#target.method;
  }

  /** Makes the propagation headers, and opens the call under the `traceparent` among them. */
  inject(source: Propagation, byHand: readonly string[], url: string, previous: ClientCall | undefined): void {
    const headers = injectWithPolicy(this.config.policy, source, this.context, url);
    // What an earlier attempt has put there goes, whatever may follow it to another origin.
    this.replaced = previous === undefined ? replacedNames(headers, byHand) : previous.issuedNames();
    const id = headers[TRACEPARENT];
    if (id === undefined && this.replaced.length === 0 && isEmpty(headers)) return;
    this.headers = headers;
    if (id === undefined) {
      if (this.#span === undefined && this.hasOriginPolicy())
        this.context = new CallContext(this.parent, undefined, this.suppression);
      return;
    }
    this.id = id;
    // Without a span it is the parent's, and not this call's alone; but foreign instrumentation must not add another.
    if (this.#span === undefined) this.context = new CallContext(this.parent, undefined, this.suppression);
    else if (this.observed) addActiveCall(this);
  }

  /** Whether a request goes to the origin that the call was started for. */
  isAt({ origin, path }: { readonly origin: string | URL | undefined; readonly path: string }): boolean {
    if (typeof origin !== "string" || path.charCodeAt(0) !== SLASH) return false;
    const own = this.#target.origin;
    if (origin !== own.text) return isSameOrigin(originOf(origin), own);
    // The same text, in the client's own string: the next time it need not be compared letter by letter.
    own.text = origin;
    return true;
  }

  /** Whether another origin might get something else than what this call carries. */
  hasOriginPolicy(): boolean {
    return this.headers !== undefined && dependsOnUrl(this.config.policy, this.parent);
  }

  /**
   * Whether only its context shows to which call a request belongs, and somebody must know it: what is in the list of open calls is found by its
   * `traceparent`, and of the rest only what a redirect may not carry on is looked at.
   */
  isFoundByContext(): boolean {
    return this.place === -1 && this.hasOriginPolicy();
  }

  /** Whether headers, a flat array, have one of those that the call has put there. */
  hasIssued(headers: readonly unknown[]): boolean {
    for (let i = 0; i + 1 < headers.length; i += 2) {
      const name = String(headers[i]).toLowerCase();
      const value = headers[i + 1];
      if (value !== undefined && (value === this.headers?.[name] || value === this.#moved?.[name])) return true;
    }
    return false;
  }

  /**
   * The request is about to go to another origin (a redirect that the client follows by itself): the policy decides anew what it carries.
   *
   * @param headers a record or a flat array; changed in place.
   * @param isElsewhere whether they have been changed for another origin, so that going back is a move too.
   * @returns whether they have been now.
   */
  reinjectForRedirect(url: string, headers: unknown, isElsewhere = false): boolean {
    if (typeof headers !== "object" || headers === null) return isElsewhere;
    if (!isElsewhere && isSameOrigin(originOf(url), this.#target.origin)) return false;
    const source = this.config.propagation();
    if (source === undefined) return isElsewhere;
    const names = this.issuedNames();
    this.#moved = injectWithPolicy(this.config.policy, source, this.context, url);
    // A later attempt may have laid its own over them already.
    writeHeaders(headers, this.#moved, [...names, ...Object.keys(this.#moved)]);
    return true;
  }

  /** The names under which a re-send may still find headers of this attempt, or of those before it. */
  issuedNames(): readonly string[] {
    return [...new Set([...this.replaced, ...Object.keys(this.headers ?? {}), ...Object.keys(this.#moved ?? {})])];
  }

  /** Takes the place of an earlier attempt whose headers the transport sends again, under the earlier one's `traceparent`. */
  adoptTraceparent(earlier: ClientCall): void {
    removeActiveCall(this);
    this.id = earlier.id;
    if (this.id !== undefined && this.#span !== undefined && this.observed) addActiveCall(this);
  }

  /** What a re-send hangs under: the call's parent; without one the first attempt, or the attempts would be a trace each. */
  parentOfNext(): Context {
    if (hasParent(this.parent) || this.#span === undefined) return this.parent;
    return trace.setSpanContext(this.parent, this.#span.spanContext());
  }

  /** The URL became known, which the client could not tell at the start. */
  setUrl(url: string): void {
    if (this.ended) return;
    this.#target = this.config.target(this.#target.method, url);
    if (!this.#recording) return;
    const { address, port } = this.#target.origin;
    this.#set(URL_FULL, this.#target.recordedUrl);
    if (address !== "") this.#set(SERVER_ADDRESS, address);
    if (port !== undefined) this.#set(SERVER_PORT, port);
  }

  /** The peer and the protocol's version (`1.1`, `2`) became known. */
  connected(address: string | undefined, port: number | undefined, protocolVersion: string | undefined): void {
    if (this.ended) return;
    this.#protocolVersion = protocolVersion;
    if (!this.#recording) return;
    if (address !== undefined) this.#set(NETWORK_PEER_ADDRESS, address);
    if (port !== undefined) this.#set(NETWORK_PEER_PORT, port);
    if (protocolVersion !== undefined) this.#set(NETWORK_PROTOCOL_VERSION, protocolVersion);
  }

  /** The final response's headers arrived. Told again with another status, the last one counts. */
  response(status: number, headers: unknown): void {
    if (this.ended || this.status === status) return;
    this.status = status;
    this.#errorType = status >= 400 ? String(status) : undefined;
    if (!this.#recording) return;
    this.#set(HTTP_RESPONSE_STATUS_CODE, status);
    if (this.#errorType !== undefined) this.#error(this.#errorType);
    for (const header of this.config.responseHeaders) {
      const value = readHeader(headers, header.name);
      if (value !== undefined) this.#set(header.attribute, [redactHeader(header.name, value)]);
    }
  }

  /** The client handed its response to the application: the user's hook sees it. */
  delivered(response: unknown): void {
    const { responseHook } = this.config.options;
    if (responseHook === undefined || this.ended || this.#span === undefined) return;
    safeCall("responseHook", responseHook, this.#span, { request: this.request, response });
  }

  /** The attempt failed, or was cancelled: which of them the caller's signal tells. */
  fail(error: unknown, signal?: AbortSignal | null): void {
    if (this.ended) return;
    if (!isCancellation(error, signal)) {
      const failed = this.#errorType === undefined;
      this.#errorType ??= errorType(error, signal);
      if (failed && this.#recording) {
        this.#error(this.#errorType);
        safeCall("recording an exception", () => recordException(this.#span as Span, error, this.config.sensitive));
      }
    }
    this.end();
  }

  /** The attempt is over. @param time of the end in milliseconds of `performance.now()`; default: now. */
  end(time?: number): void {
    if (this.ended) return;
    this.ended = true;
    this.request = undefined;
    this.suppression.suppressing = false;
    if (this.place !== -1) removeActiveCall(this);
    try {
      if (this.#recording) this.#span?.end(time);
      this.#duration?.record(
        ((time ?? now()) - this.#start) / 1000,
        measuredAttributes(this.#target, this.status, this.#errorType, this.#protocolVersion),
        this.context,
      );
    } catch (error) {
      reportFailure("ending a span", error);
    }
  }

  #set(name: string, value: string | number | string[]): void {
    try {
      this.#span?.setAttribute(name, value);
    } catch (error) {
      reportFailure("a span", error);
    }
  }

  #error(type: string): void {
    this.#set(ERROR_TYPE, type);
    safeCall("a span", () => this.#span?.setStatus({ code: SpanStatusCode.ERROR }));
  }
}

function isEmpty(record: object): boolean {
  for (const _ in record) return false;
  return true;
}
