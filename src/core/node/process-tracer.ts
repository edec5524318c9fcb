import type { ClientCall } from "../calls/client-call.ts";
import type { ChannelRequest, RequestObserver } from "../calls/request-observer.ts";

/** Node-wide instrumentation, as the channels of one HTTP client use it. */
export interface ProcessTracer<Request extends ChannelRequest> {
  /** Whether a request that is created now may be recorded or propagated. */
  isActive(): boolean;
  /**
   * Starts a call for a request that belongs to no call of a client. Returns what observes the request, if its end must be reported.
   *
   * @param previous the call of an earlier request whose headers this one repeats.
   */
  start(request: Request, previous: ClientCall | undefined): RequestObserver | undefined;
  /**
   * Applies the policy to a request that is traced already.
   *
   * @param owner the call that the request belongs to; undefined if another instrumentation has added its headers.
   */
  restrict(request: Request, owner: ClientCall | undefined): void;
}
