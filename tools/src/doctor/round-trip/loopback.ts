import type { Span } from "@opentelemetry/api";
import type { AddressInfo } from "node:net";
import type { AppModules } from "../app-modules.ts";

/** The path of each call, by which they are known in a backend. */
const PATH = "/a2a-otel-doctor";
/** The baggage member that goes along. */
export const MEMBER = "a2a-otel.doctor";

/** What came out at the other end. */
export interface Arrival {
  /** Names and values by turns, as they came over the wire. */
  readonly rawHeaders: readonly string[];
  /** The CLIENT span of ours that the call has open, whichever copy of the package has opened it. */
  readonly ownSpan: Span | undefined;
  /** The trace that the handler is in, after an await. */
  readonly traceId: string | undefined;
  /** Whether the handler finds the baggage member. */
  readonly baggage: boolean;
}

export interface Loopback {
  readonly url: string;
  /** The newest arrival. */
  readonly arrived: () => Arrival | undefined;
  readonly close: () => Promise<void>;
}

/** A server on loopback behind `traceRequests`, which writes down what it receives. Undefined where the platform has no node:http. */
export async function openLoopback({ api, getDiagnostics, traceRequests }: AppModules): Promise<Loopback | undefined> {
  const { context, propagation, trace } = api;
  const http = globalThis.process?.getBuiltinModule?.("node:http");
  if (http === undefined) return undefined;
  let arrival: Arrival | undefined;
  const listener = traceRequests(
    async (request, response) => {
      const { rawHeaders, headers } = request;
      const ownSpan = getDiagnostics().activeCalls.find(
        ({ traceparent }) => traceparent !== undefined && traceparent === headers["traceparent"],
      )?.span;
      await new Promise((resolve) => setTimeout(resolve, 0));
      const active = context.active();
      const traceId = trace.getSpanContext(active)?.traceId;
      arrival = { rawHeaders, ownSpan, traceId, baggage: propagation.getBaggage(active)?.getEntry(MEMBER) !== undefined };
      // No socket of the application's pool is to stay behind.
      response.writeHead(200, { connection: "close", "content-type": "text/plain" }).end("ok");
    },
    { requestHook: (span) => void span.updateName("a2a-otel doctor: the call is received") },
  );
  const server = http.createServer(listener);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${PATH}`,
    arrived: () => arrival,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
