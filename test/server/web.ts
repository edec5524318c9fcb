import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import type { Attributes } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import type { SpanShape } from "../support/telemetry.ts";

type Options = Parameters<typeof createAdaptorServer>[0];

export interface WebServer {
  readonly url: string;
  readonly port: number;
  readonly close: () => Promise<void>;
}

/** Serves a handler with the real `@hono/node-server`, on loopback. */
export async function serveWeb(fetch: Options["fetch"], options: Partial<Options> = {}): Promise<WebServer> {
  const server = createAdaptorServer({ ...options, fetch });
  server.listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        if ("closeAllConnections" in server) server.closeAllConnections();
      }),
  };
}

/** `ReadableStream.from`, which the types of the DOM do not contain yet. */
export function streamFrom(items: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array<ArrayBuffer>> {
  return (ReadableStream as unknown as { from(items: unknown): ReadableStream<Uint8Array<ArrayBuffer>> }).from(items);
}

/** The whole span of a GET of `http://agents.example/` with a response, on a server that does not describe the connection; the arguments are merged in. */
export function webSpan(attributes: Attributes = {}, more: Partial<SpanShape> = {}): SpanShape {
  return {
    name: "GET",
    kind: SpanKind.SERVER,
    status: SpanStatusCode.UNSET,
    attributes: {
      "http.request.method": "GET",
      "http.response.status_code": 200,
      "server.address": "agents.example",
      "server.port": 80,
      "url.path": "/",
      "url.scheme": "http",
      ...attributes,
    },
    events: [],
    ...more,
  };
}

/** What an exception changes in a span. */
export const FAILED: Partial<SpanShape> = { status: SpanStatusCode.ERROR, events: ["exception"] };

/** The active trace id. */
export const activeTrace = (): string | undefined => trace.getActiveSpan()?.spanContext().traceId;

/** The end of a span, in milliseconds since 1970. */
export function endOf({ endTime: [seconds, nanoseconds] }: ReadableSpan): number {
  return seconds * 1e3 + nanoseconds / 1e6;
}

/** The duration of a span. */
export function milliseconds(span: ReadableSpan | undefined): number {
  const [seconds = 0, nanoseconds = 0] = span?.duration ?? [];
  return seconds * 1e3 + nanoseconds / 1e6;
}

export const EVENTS: Record<string, string> = { "content-type": "text/event-stream" };

/** Three parts, ten milliseconds apart, that note the trace in which they are produced. */
export async function* parts(
  note: (traceId: string | undefined) => void = () => {},
  failure?: Error,
): AsyncGenerator<Uint8Array, void> {
  for (const part of ["a", "b", "c"]) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    note(activeTrace());
    yield new TextEncoder().encode(part);
  }
  if (failure !== undefined) throw failure;
}

/** Gets the reader of a response's body as a platform does, without a method of the body itself. */
export function readerOf({ body }: Response): ReadableStreamDefaultReader<Uint8Array> {
  // oxlint-disable-next-line typescript/unbound-method -- it is called with the body as `this`
  return Reflect.apply(ReadableStream.prototype.getReader, body, []) as ReadableStreamDefaultReader<Uint8Array>;
}

/** Reads a response to its end, as a platform does. */
export async function sent(response: Response): Promise<string> {
  const reader = readerOf(response);
  let text = "";
  for (let part = await reader.read(); !part.done; part = await reader.read()) text += new TextDecoder().decode(part.value);
  return text;
}
