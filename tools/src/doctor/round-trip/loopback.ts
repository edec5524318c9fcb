import type { Span } from "@opentelemetry/api";
import type { AddressInfo } from "node:net";
import type { AppModules } from "../app-modules.ts";

/** The path of the doctor's calls, by which they can be found in a backend. */
const PATH = "/a2a-otel-doctor";
/** The baggage member that the doctor's calls carry. */
export const BAGGAGE_KEY = "a2a-otel.doctor";

/** A request as the server received it. */
export interface Arrival {
  /** Alternating names and values, as they were received. */
  readonly rawHeaders: readonly string[];
  /** The CLIENT span of a2a-otel for this request, by whichever copy of the package it was started. */
  readonly clientSpan: Span | undefined;
  /** The trace in which the handler runs, after an await. */
  readonly traceId: string | undefined;
  /** Whether the handler finds the baggage member. */
  readonly baggage: boolean;
}

export interface Loopback {
  readonly url: string;
  /** The latest arrival. */
  readonly arrival: () => Arrival | undefined;
  readonly close: () => Promise<void>;
}

/** Starts a server on loopback with `traceRequests` that records what it receives. Returns undefined if the platform has no node:http. */
export async function openLoopback({ api, getDiagnostics, traceRequests }: AppModules): Promise<Loopback | undefined> {
  const http = globalThis.process?.getBuiltinModule?.("node:http");
  if (http === undefined) return undefined;
  const { context, propagation, trace } = api;
  let latest: Arrival | undefined;
  const findClientSpan = (header: string | string[] | undefined): Span | undefined =>
    header === undefined ? undefined : getDiagnostics().activeCalls.find(({ traceparent }) => traceparent === header)?.span;

  const listener = traceRequests(
    async (request, response) => {
      const { rawHeaders, headers } = request;
      const clientSpan = findClientSpan(headers["traceparent"]);
      await new Promise((resolve) => setTimeout(resolve, 0));
      const active = context.active();
      const traceId = trace.getSpanContext(active)?.traceId;
      const baggage = propagation.getBaggage(active)?.getEntry(BAGGAGE_KEY) !== undefined;
      latest = { rawHeaders, clientSpan, traceId, baggage };
      // The connection is closed, so that no socket remains in the application's pool.
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
    arrival: () => latest,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
