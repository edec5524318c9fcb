import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { instrumentFetch } from "../../src/fetch.ts";
import type { FetchOptions } from "../../src/fetch.ts";
import type { TestServer } from "../support/server.ts";
import { traceparentOf } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";

/** The outcome of a call, as an application sees it. */
export interface Outcome {
  value?: unknown;
  error?: unknown;
}

/** Runs the same with the platform's fetch and with the instrumented one. */
export async function bothWays<Result>(
  run: () => Promise<Result>,
  options: FetchOptions = {},
): Promise<{ plain: Outcome; traced: Outcome }> {
  const plain = await outcomeOf(run);
  const undo = instrumentFetch(options);
  try {
    return { plain, traced: await outcomeOf(run) };
  } finally {
    undo();
  }
}

async function outcomeOf(run: () => Promise<unknown>): Promise<Outcome> {
  try {
    return { value: await run() };
  } catch (error) {
    return { error };
  }
}

/** An error as an application sees it, down to what caused it. */
export function errorShape(error: unknown): unknown {
  if (!(error instanceof Error) && !(error instanceof DOMException)) return error;
  const { name, message, cause } = error;
  const { code, errno, syscall } = error as { code?: unknown; errno?: unknown; syscall?: unknown };
  const own = Reflect.ownKeys(error).map(String).toSorted();
  return { class: error.constructor.name, name, message, code, errno, syscall, own, cause: errorShape(cause) };
}

/** A server that records the bytes of each request, on a connection of its own. */
export interface Wire {
  readonly url: string;
  /** The bytes of the requests since the last call, each as Latin-1 text. */
  readonly taken: () => string[];
  readonly close: () => Promise<void>;
}

export async function openWire(): Promise<Wire> {
  let connections: Buffer[][] = [];
  const server = createServer((request, response) => {
    request.resume().on("end", () => response.writeHead(200, { connection: "close" }).end("taken"));
  });
  server.on("connection", (socket: Socket) => {
    const chunks: Buffer[] = [];
    connections.push(chunks);
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", () => resolve()));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    taken: () => {
      const taken = connections.map((chunks) => Buffer.concat(chunks).toString("latin1"));
      connections = [];
      return taken.filter((text) => text !== "");
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** An init with a streamed body, which fetch requires to be declared. */
export function streamed(body: unknown, more: RequestInit = {}): RequestInit {
  return { method: "POST", body, duplex: "half", ...more } as RequestInit;
}

/** The `traceparent` of each request that a server has received, and of each ended span: they should be the same. */
export async function traffic(
  telemetry: TestTelemetry,
  server: TestServer,
  count: number,
): Promise<{ sent: string[]; issued: string[]; own: ReadableSpan[] }> {
  const own = await telemetry.ended(count);
  await telemetry.settled();
  const sent = server.requests.map((request) => server.values("traceparent", request).join(" and "));
  return { sent: sent.toSorted(), issued: own.map((span) => traceparentOf(span)).toSorted(), own };
}

const PROPAGATION = /^(?:traceparent|tracestate|baggage): .*\r\n/gim;

/** A request without the propagation headers, and with a constant in place of the random part of a FormData boundary. */
export function withoutPropagation(request: string): string {
  const end = request.indexOf("\r\n\r\n") + 2;
  const text = request.slice(0, end).replace(PROPAGATION, "") + request.slice(end);
  return text.replaceAll(/formdata-undici-\d+/g, "formdata-undici-0");
}

/** The values of a header in a request's bytes. */
export function headerValues(request: string | undefined, name: string): string[] {
  const lines = (request ?? "").split("\r\n\r\n", 1)[0]?.split("\r\n").slice(1) ?? [];
  return lines.filter((line) => line.toLowerCase().startsWith(`${name}: `)).map((line) => line.slice(name.length + 2));
}
