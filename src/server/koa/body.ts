import { context } from "@opentelemetry/api";
import { wrap } from "../../core/streams/body-tap.ts";
import type { ServerCall } from "../../core/calls/server-call.ts";
import { readInContext } from "../read-in-context.ts";

/**
 * Changes a stream that is the body of a response in place so that it is read in the request's context: Koa sends bodies outside of all
 * middleware, and the source of a stream (an async generator) runs in the context of the reader.
 */
export function readBodyInContext(call: ServerCall, body: unknown): void {
  if (body instanceof Response) readBodyInContext(call, body.body);
  else if (body instanceof ReadableStream) readInContext(call, body);
  else if (isNodeStream(body)) wrap(body, "pipe", (pipe: () => never): never => context.with(call.context, pipe));
}

function isNodeStream(body: unknown): body is object {
  return typeof body === "object" && body !== null && typeof (body as { pipe?: unknown }).pipe === "function";
}
