import { createHash } from "node:crypto";
import { once } from "node:events";
import { createSecureServer } from "node:http2";
import type { IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { TLS } from "../clients/tls.ts";
import type { ServedCall } from "./fault-server.ts";
import type { Http2Step } from "./http2-faults.ts";
import type { WireRequest } from "./request-reader.ts";

/** A server for one call, so that a broken session affects no other call. */
export async function serveHttp2(call: ServedCall): Promise<{ port: number; close: () => Promise<void> }> {
  const sessions = new Set<ServerHttp2Session>();
  // The `socket` property of a session cannot be destroyed.
  const sockets = new Set<Socket>();
  const cut = (): void => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  const server = createSecureServer(TLS);
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  server.on("session", (session: ServerHttp2Session) => {
    sessions.add(session);
    session.on("error", () => {});
    session.on("close", () => sessions.delete(session));
  });
  server.on("tlsClientError", () => {});
  server.on("sessionError", () => {});
  server.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    const session = stream.session as ServerHttp2Session | undefined;
    stream.on("error", () => {});
    const request = requestOf(headers);
    const number = call.requests.push(request) - 1;
    const hash = createHash("sha1");
    stream.on("data", (chunk: Buffer) => hash.update(chunk));
    stream.on("end", () => {
      request.digest = hash.digest("base64").slice(0, 8);
      const { streams = [] } = call.fault;
      if (session !== undefined) void perform(streams[Math.min(number, streams.length - 1)] ?? [], { stream, session, cut }, call);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      if (!server.listening) return;
      for (const session of sessions) session.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

function requestOf(headers: IncomingHttpHeaders): WireRequest {
  const plain = Object.entries(headers).filter(([name]) => !name.startsWith(":"));
  return {
    method: headers[":method"] as unknown as string,
    path: headers[":path"] as unknown as string,
    headers: plain.map(([name, value]) => [name, String(value)] as const),
    digest: undefined,
  };
}

interface Exchange {
  readonly stream: ServerHttp2Stream;
  readonly session: ServerHttp2Session;
  /** Resets the connection of the session. */
  readonly cut: () => void;
}

async function perform(steps: readonly Http2Step[], { stream, session, cut }: Exchange, call: ServedCall): Promise<void> {
  for (const step of steps) {
    if (session.destroyed || (stream.destroyed && step !== "close session" && step !== "destroy session")) return;
    if (step === "turn") await turn();
    else if (step === "hold") {
      await turn();
      return call.reached("hold");
    } else if (step === "end") stream.end();
    else if (step === "close session") session.close();
    else if (step === "destroy session") session.destroy();
    else if (step === "destroy socket") cut();
    else if ("info" in step) stream.additionalHeaders(step.info);
    else if ("data" in step) stream.write(step.data);
    else if ("rst" in step) stream.close(step.rst);
    else if ("goaway" in step) session.goaway(step.goaway, step.last ? (stream.id ?? 0) : 0);
    else {
      if (step.trailers !== undefined) stream.once("wantTrailers", () => stream.sendTrailers(step.trailers ?? {}));
      stream.respond(step.head, { endStream: step.endStream === true, waitForTrailers: step.trailers !== undefined });
    }
  }
}

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));
