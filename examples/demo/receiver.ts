import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { createGunzip } from "node:zlib";
import { decodeSpans } from "./otlp.ts";
import type { ExportTraceServiceRequest, ReceivedSpan } from "./otlp.ts";

/** A backend that only remembers. */
export interface Receiver {
  /** What goes into `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  readonly url: string;
  /** The spans received, in the order of their arrival. */
  readonly spans: readonly ReceivedSpan[];
  readonly close: () => void;
}

/** Receives OTLP over HTTP in JSON on a free port of loopback. */
export async function startReceiver(): Promise<Receiver> {
  const spans: ReceivedSpan[] = [];
  const server = createServer(async (request, response) => {
    if (request.method !== "POST" || request.url !== "/v1/traces") {
      response.writeHead(404).end();
      return;
    }
    try {
      spans.push(...decodeSpans(await body(request)));
      response.writeHead(200, { "content-type": "application/json" }).end("{}");
    } catch (error) {
      response.writeHead(400, { "content-type": "text/plain" }).end(String(error));
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** The exporters compress when `OTEL_EXPORTER_OTLP_COMPRESSION` says so. */
async function body(request: IncomingMessage): Promise<ExportTraceServiceRequest> {
  const plain = request.headers["content-encoding"] === "gzip" ? request.pipe(createGunzip()) : request;
  return (await json(plain)) as ExportTraceServiceRequest;
}
