import { trace } from "@opentelemetry/api";
import type { Context } from "@opentelemetry/api";
import { CallContext } from "../context/call-context.ts";
import type { Suppressible } from "../context/call-context.ts";
import type { A2ARecognition } from "../http/a2a-recognition.ts";
import type { RequestPurpose } from "../http/endpoints.ts";
import { isSameOrigin, isSameResource, originOf } from "../http/urls.ts";
import { writeHeaders } from "../propagation/carrier.ts";
import { hasParent } from "../propagation/parent.ts";
import { dependsOnUrl, injectWithPolicy, intersectPolicies } from "../propagation/policy.ts";
import type { Policy } from "../propagation/policy.ts";
import { TRACEPARENT } from "../propagation/trace-context.ts";
import type { Propagation } from "../propagation/propagator.ts";
import { safeCall } from "../telemetry/diagnostics.ts";
import { endsWithHeaders } from "../telemetry/end-span-on.ts";
import { isProcessInstrumented } from "../telemetry/global-instrumentation.ts";
import { addActiveCall, removeActiveCall } from "./active-calls.ts";
import type { ActiveCall } from "./active-calls.ts";
import { CallHeaders } from "./call-headers.ts";
import type { ClientConfig } from "./client-config.ts";
import { ownTraceparent } from "./own-traceparent.ts";
import type { RequestObserver } from "./request-observer.ts";
import type { SpanRecording } from "./span-recording.ts";

const NONE: readonly string[] = [];

/**
 * One outbound attempt. Its transitions are idempotent and never throw; all but the first end are ignored.
 *
 * A call's requests are recognised beneath other wrappers by `findOuterCall()` in start-call.ts, and in undici's channels by
 * `findCallOfRequest()` in core/node/undici-requests.ts.
 */
export class ClientCall implements ActiveCall, Suppressible {
  readonly config: ClientConfig;
  readonly parent: Context;
  /** The context that the transport runs in. */
  context: Context;
  /** The first attempt of the call; that of the outer call if this one belongs to it. All attempts run in the first one's context. */
  first: ClientCall;
  /** On the first attempt: the attempt in progress. */
  latest: ClientCall = this;
  /** Whether the request belongs to an outer instrumentation's call or span: nothing is recorded, but the policy applies. */
  isInner = false;
  /** Whether node-wide instrumentation has started the call, and no client of this package. */
  isProcessWide = false;
  /** The value of `http.request.resend_count`. */
  resendCount: number;
  /** On the first attempt: the policy of the call, which is the intersection of the policies of all instrumentation on the path. */
  policy: Policy;
  /** Cleared when the call ends, because a client keeps what refers to the call for as long as its connection is idle. */
  request: unknown;
  /** Follows the call's requests on the wire, where the platform reports them. */
  observer: RequestObserver | undefined = undefined;
  /** What of A2A was recognised in the first attempt; a re-send may lack the headers that showed it. */
  a2a: A2ARecognition | undefined = undefined;
  /** What a protocol above HTTP uses the call for; undefined if it is an ordinary one. */
  purpose: RequestPurpose | undefined = undefined;
  /** Whether undici has created a request of this call. */
  hasRequest = false;
  /** The URLs of the requests that the client may send next by itself, because a redirect, an error status or a failure was answered. */
  awaitedUrls: readonly string[] = NONE;
  ended = false;
  suppressing = false;
  registryIndex = -1;
  traceparent: string | undefined = undefined;
  readonly #recording: SpanRecording;
  #headers: CallHeaders | undefined = undefined;

  /**
   * @param parent the context that the call was made in.
   * @param request the request as the client's hooks receive it.
   * @param previous the attempt that this one re-sends.
   */
  constructor(recording: SpanRecording, parent: Context, request: unknown, previous: ClientCall | undefined) {
    this.config = recording.config;
    this.policy = recording.config.policy;
    this.parent = parent;
    this.request = request;
    this.#recording = recording;
    this.first = previous === undefined ? this : previous.first;
    this.first.latest = this;
    this.resendCount = previous === undefined ? 0 : previous.resendCount + 1;
    this.context = new CallContext(parent, recording.span, this.first);
  }

  /**
   * A call for a request that belongs to an outer instrumentation's call or span: nothing is recorded, but the policy applies.
   *
   * @param outer the outer call, if it is one of this package's.
   */
  static join(recording: SpanRecording, active: Context, outer: ClientCall | undefined): ClientCall {
    const call = new ClientCall(recording, active, undefined, undefined);
    call.isInner = true;
    if (outer !== undefined) {
      call.first = outer.first;
      call.context = new CallContext(active, undefined, outer.first);
    }
    return call;
  }

  /** The method as it is sent. */
  get method(): string {
    return this.#recording.target.method;
  }

  /** The status of the response, once it has arrived. */
  get status(): number | undefined {
    return this.#recording.status;
  }

  /** Whether anything is recorded: if not, the adapter need not report the response. */
  get observed(): boolean {
    return this.#recording.isActive;
  }

  /** Whether the span ends with the headers of any response. */
  get alwaysEndsWithHeaders(): boolean {
    return !this.decidesByResponse && (this.config.options.endSpanOn === "headers" || this.purpose?.endsAtHeaders === true);
  }

  /** Whether the response decides when the span ends, by a function of the application. */
  get decidesByResponse(): boolean {
    return typeof this.config.options.endSpanOn === "function";
  }

  /** Whether the adapter must report the call's end: something is recorded, or the call is registered. */
  get mustEnd(): boolean {
    return this.observed || this.registryIndex !== -1;
  }

  /** Whether the transport must run in the call's context for its requests to be recognised, because no header identifies them. */
  get needsContext(): boolean {
    if (this.traceparent !== undefined) return false;
    return this.mustEnd || this.isInner || this.#isOriginUnknown || isProcessInstrumented();
  }

  /** The propagation headers that the request must have; undefined if it stays as it is. */
  get headers(): Record<string, string> | undefined {
    return this.#headers?.values;
  }

  /** The names of headers that must be removed from the request, whatever their letter case. */
  get replaced(): readonly string[] {
    return this.#headers?.replaced ?? NONE;
  }

  /** The names under which a re-send may still have headers of this attempt, or of those before it. */
  get issuedNames(): readonly string[] {
    return this.#headers?.names ?? NONE;
  }

  /** Whether a redirect to another origin might have to carry other headers. */
  get dependsOnOrigin(): boolean {
    return dependsOnUrl(this.first.policy, this.parent);
  }

  get #isOriginUnknown(): boolean {
    return this.#recording.target.origin.address === "";
  }

  /**
   * Determines the propagation headers of the request, and registers the call.
   *
   * @param existingFields the propagator's fields that the request may have already.
   * @param removedNames headers that must be removed from the request in any case.
   */
  inject(source: Propagation, url: string, existingFields: readonly string[], removedNames: readonly string[]): void {
    const { policy } = this.first;
    // A dispatcher may choose the origin by itself: then the headers are determined when undici has created the request.
    if (this.#isOriginUnknown && this.dependsOnOrigin) this.#headers = new CallHeaders({}, removedNames);
    else {
      const values = injectWithPolicy(policy, source, this.context, url);
      this.#headers = CallHeaders.create(values, existingFields, removedNames);
    }
    if (this.observed) this.#register(source);
  }

  #register(source: Propagation): void {
    this.traceparent = ownTraceparent(this.headers?.[TRACEPARENT], this.#recording, this.parent, source);
    addActiveCall(this);
  }

  /** Registers a call whose redirects are followed out of the adapter's sight, also if nothing is recorded: the policy applies to each hop. */
  registerForRedirects(): void {
    if (this.registryIndex !== -1 || this.#headers === undefined || this.isInner || !this.dependsOnOrigin) return;
    const source = this.config.propagation();
    if (source !== undefined) this.#register(source);
  }

  /** Adds the policy of an instrumentation that the request passes through beneath this call's. */
  addPolicy(policy: Policy): void {
    this.first.policy = intersectPolicies(this.first.policy, policy);
  }

  /** Applies the policy of this instrumentation to a request that an outer one has put its headers on. */
  restrict(existing: Record<string, string>, url: string, issuerPolicy: Policy | undefined): void {
    this.#headers = CallHeaders.restrict({ policy: this.config.policy, issuerPolicy, existing, url });
  }

  /**
   * Whether a request that is made in the call's context belongs to the call: it asks for the same, or follows a redirect. By its context alone it
   * might be a request of application code that the transport runs.
   */
  isRequestFor(method: string, url: string): boolean {
    if (this.ended) return false;
    if (isRedirect(this.status) || this.awaits(url)) return true;
    const { target } = this.#recording;
    return target.method === method && (this.#isOriginUnknown ? url.endsWith(target.url) : isSameResource(target.url, url));
  }

  /** Whether a request is the next one that the client was expected to send by itself. */
  awaits(url: string): boolean {
    return !this.ended && this.awaitedUrls.some((awaited) => isSameResource(awaited, url));
  }

  /** Whether a flat array of headers has one that the call has issued. */
  hasIssued(headers: readonly unknown[]): boolean {
    return this.#headers?.areIn(headers) === true;
  }

  /** Whether a URL, or an origin alone, is at the origin that the call's headers were determined for. */
  isAtOrigin(url: string): boolean {
    const { origin } = this.#recording.target;
    const { text } = origin;
    if (url === text || (text !== "" && url.startsWith(text) && url[text.length] === "/")) return true;
    return isSameOrigin(originOf(url), origin);
  }

  /**
   * Decides anew what a request carries whose client follows a redirect by itself, if the request goes to another origin.
   *
   * @param headers a record or a flat array; changed in place.
   * @param wasChanged whether the headers have been changed for another origin before, so that going back is a change too.
   * @returns whether the headers have been changed, now or before.
   */
  reinjectForRedirect(url: string, headers: unknown, wasChanged = false): boolean {
    if (typeof headers !== "object" || headers === null) return wasChanged;
    if (!wasChanged && this.isAtOrigin(url)) return false;
    const replacement = this.reinject(url);
    if (replacement === undefined) return wasChanged;
    writeHeaders(headers, replacement.values, replacement.replaced);
    return true;
  }

  /** The headers that replace the call's on a request to a URL; undefined if there is no propagator. */
  reinject(url: string): CallHeaders | undefined {
    const source = this.config.propagation();
    if (source === undefined) return undefined;
    this.#headers ??= new CallHeaders({}, NONE);
    return this.#headers.replaceWith(injectWithPolicy(this.first.policy, source, this.context, url));
  }

  /** Registers the call under the `traceparent` of an earlier attempt whose headers the transport sends again. */
  adoptTraceparent(earlier: ClientCall): void {
    removeActiveCall(this);
    this.traceparent = earlier.traceparent;
    if (this.observed) addActiveCall(this);
  }

  /** The parent of the next attempt: the call's own; without one the first attempt, or the attempts would be a trace each. */
  get parentOfNext(): Context {
    const { span } = this.#recording;
    if (span === undefined || hasParent(this.parent)) return this.parent;
    return trace.setSpanContext(this.parent, span.spanContext());
  }

  /** Sets the URL, which the client did not know at the start. */
  setUrl(url: string): void {
    if (!this.ended) this.#recording.setTarget(this.config.target(this.method, url));
  }

  /** Sets the peer and the protocol version (`1.1`, `2`) of the connection. */
  connected(address: string | undefined, port: number | undefined, protocolVersion: string | undefined): void {
    if (!this.ended) this.#recording.setConnection(address, port, protocolVersion);
  }

  /** The final response's headers arrived. If it is called again with another status, the last one counts. */
  response(status: number, headers: unknown): void {
    if (!this.ended && this.status !== status) this.#recording.setResponse(status, headers);
  }

  /** The client handed its response to the application: calls the user's hook. */
  delivered(response: unknown): void {
    const { responseHook } = this.config.options;
    const { span } = this.#recording;
    if (responseHook === undefined || this.ended || span === undefined) return;
    safeCall("responseHook", responseHook, span, { request: this.request, response });
  }

  /**
   * Whether the span ends with the headers of its response. To be asked once, when the headers have arrived: the option `endSpanOn` may be a function.
   *
   * @param response as the client's hooks receive it.
   */
  endsWithHeaders(response: unknown): boolean {
    const { endSpanOn } = this.config.options;
    if (typeof endSpanOn !== "function") return this.alwaysEndsWithHeaders;
    return this.observed && !this.ended && endsWithHeaders(endSpanOn, this.request, response);
  }

  /** The attempt failed or was cancelled; the caller's signal decides which. */
  fail(error: unknown, signal?: AbortSignal | null): void {
    if (this.ended) return;
    this.#recording.setFailure(error, signal);
    this.end();
  }

  /** The attempt is over. @param time of the end in milliseconds of `performance.now()`; default: now. */
  end(time?: number): void {
    if (this.ended) return;
    this.ended = true;
    this.request = undefined;
    this.observer = undefined;
    this.first.suppressing = false;
    removeActiveCall(this);
    this.#recording.end(time, this.context);
  }
}

export function isRedirect(status: number | undefined): boolean {
  return status !== undefined && status >= 300 && status < 400;
}
