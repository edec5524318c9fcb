import type { IncomingHttpHeaders, IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";

// Types of its own, because those of `@types/koa` do not compile beside all versions of the packages that Koa depends on.

/** The part of Koa's context that is used; it is the same in Koa 2 and 3. */
export interface KoaContext {
  readonly request: KoaRequest;
  readonly response: KoaResponse;
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly originalUrl: string;
  readonly state: Record<string, unknown>;
  readonly body: unknown;
  onerror(error: Error): void;
}

/** The part of `ctx.request` that hooks are most likely to read. */
export interface KoaRequest {
  readonly ctx: KoaContext;
  readonly req: IncomingMessage;
  readonly method: string;
  readonly url: string;
  readonly originalUrl: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly ip: string;
}

/** The part of `ctx.response` that hooks are most likely to read. */
export interface KoaResponse {
  readonly ctx: KoaContext;
  readonly res: ServerResponse;
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  readonly body: unknown;
}
