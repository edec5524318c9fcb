import { createHash } from "node:crypto";
import { connect } from "node:net";
import type { Socket } from "node:net";
import type { Visit } from "./visit.ts";

/** How a client behaves towards a server. */
export interface Visitor {
  readonly name: string;
  /**
   * The part of the response that it waits for: all of it, its head (or whatever comes first), or nothing. A visitor that leaves by itself can visit a handler
   * that never ends.
   */
  readonly waits: "for all" | "for the head" | "for the handler" | "for nothing";
  /** The number of requests on its connection; more than one only for handlers that leave the connection reusable. */
  readonly requests?: number;
  /** Whether its traceparent is invalid, so that its requests begin new traces. */
  readonly isUntraced?: true;
  /** Whether what it sends is not a request, so that no handler is called. */
  readonly isNoRequest?: true;
  readonly visit: (connection: Connection, visit: Visit) => Promise<void>;
}

/** A raw connection. */
export interface Connection {
  readonly socket: Socket;
  /** All bytes received. */
  readonly received: () => string;
  readonly until: (condition: (received: string) => boolean) => Promise<void>;
  readonly closed: Promise<string>;
}

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

function head(visit: Visit, method = "GET", headers: readonly string[] = [], path = "/first"): string {
  const lines = [`${method} /${visit.index}${path} HTTP/1.1`, "host: 127.0.0.1", `traceparent: ${visit.traceparent}`, ...headers];
  return `${lines.join("\r\n")}\r\n\r\n`;
}

const LAST = ["connection: close"];
const GET = (visit: Visit): string => head(visit, "GET", LAST);
const closed = async ({ closed: isClosed }: Connection): Promise<void> => void (await isClosed);
const answersTo = (count: number) => (received: string) => received.split("HTTP/1.1 ").length > count;

/** Destroys the connection. */
type Leave = (socket: Socket) => unknown;
const reset: Leave = (socket) => socket.resetAndDestroy();
const close: Leave = (socket) => socket.destroy();

const sends = (name: string, ...pieces: ((visit: Visit) => string)[]): Visitor => ({
  name,
  waits: "for all",
  visit: async (connection, visit) => {
    for (const piece of pieces) {
      connection.socket.write(piece(visit));
      await turn();
    }
    await closed(connection);
  },
});

const leaves = (
  name: string,
  waits: "for the head" | "for the handler",
  sent: (visit: Visit) => string,
  leave: Leave,
): Visitor => ({
  name,
  waits,
  visit: async (connection, visit) => {
    connection.socket.write(sent(visit));
    await visit.until("handled");
    if (waits === "for the head") await connection.until((received) => received.includes("\r\n\r\n"));
    leave(connection.socket);
    await closed(connection);
  },
});

const nonsense = (name: string, sent: (visit: Visit) => string, leave?: Leave): Visitor => ({
  name,
  waits: "for nothing",
  isNoRequest: true,
  visit: async (connection, visit) => {
    connection.socket.write(sent(visit));
    await turn();
    leave?.(connection.socket);
    await closed(connection);
  },
});

const post = (visit: Visit): string => head(visit, "POST", ["content-length: 12", ...LAST]);
const chunked = (visit: Visit): string => head(visit, "POST", ["transfer-encoding: chunked", ...LAST]);

export const VISITORS: readonly Visitor[] = [
  sends("reads all", GET),
  sends("HEAD", (visit) => head(visit, "HEAD", LAST)),
  sends("posts", (visit) => `${post(visit)}twelve bytes`),
  sends(
    "posts in pieces",
    post,
    () => "twelve",
    () => " bytes",
  ),
  sends(
    "posts chunks",
    chunked,
    () => "6\r\ntwelve\r\n",
    () => "6\r\n bytes\r\n0\r\n\r\n",
  ),
  sends(
    "sends its head in pieces",
    (visit) => GET(visit).slice(0, 9),
    (visit) => GET(visit).slice(9),
  ),
  sends(
    "expects 100-continue",
    (visit) => head(visit, "POST", ["content-length: 2", "expect: 100-continue", ...LAST]),
    () => "ok",
  ),
  {
    ...sends("sends two traceparents", (visit) => head(visit, "GET", [`traceparent: ${visit.traceparent}`, ...LAST])),
    isUntraced: true,
  },
  sends("sends a broken baggage", (visit) => head(visit, "GET", ["baggage: %ff=,;=,a", ...LAST])),
  sends("HTTP/1.0", (visit) => head(visit).replace("HTTP/1.1", "HTTP/1.0")),
  {
    name: "half-closes",
    waits: "for all",
    visit: async (connection, visit) => {
      connection.socket.end(GET(visit));
      await closed(connection);
    },
  },
  {
    name: "keeps alive",
    waits: "for all",
    requests: 2,
    visit: async (connection, visit) => {
      connection.socket.write(head(visit));
      await connection.until(answersTo(1));
      await turn();
      await turn();
      await turn();
      connection.socket.write(GET(visit));
      await closed(connection);
    },
  },
  {
    name: "pipelines",
    waits: "for all",
    requests: 3,
    visit: async (connection, visit) => {
      connection.socket.write(head(visit) + head(visit) + GET(visit));
      await closed(connection);
    },
  },
  leaves("resets when it is handled", "for the handler", GET, reset),
  leaves("closes when it is handled", "for the handler", GET, close),
  leaves("resets in its body", "for the handler", (visit) => `${post(visit)}twelve`, reset),
  leaves("closes in its body", "for the handler", (visit) => `${post(visit)}twelve`, close),
  leaves("closes in its chunks", "for the handler", (visit) => `${chunked(visit)}6\r\ntwe`, close),
  leaves("resets after the head", "for the head", GET, reset),
  leaves("closes after the head", "for the head", GET, close),
  {
    name: "stops reading, and resets",
    waits: "for the handler",
    visit: async ({ socket, closed: isClosed }, visit) => {
      socket.write(GET(visit));
      socket.pause();
      await visit.until("handled");
      for (let i = 0; i < 5; i++) await turn();
      socket.resetAndDestroy();
      await isClosed;
    },
  },
  {
    name: "sends a bad chunk",
    waits: "for the handler",
    visit: async (connection, visit) => {
      connection.socket.write(`${chunked(visit)}6\r\ntwelve\r\n`);
      await visit.until("handled");
      connection.socket.write("no chunk\r\n");
      await turn();
      await turn();
      connection.socket.end();
      await closed(connection);
    },
  },
  nonsense("sends no HTTP", () => "this is not HTTP\r\n\r\n"),
  nonsense("sends a bad header", (visit) => head(visit, "GET", ["bad name: 1"])),
  nonsense("sends a gigantic header", (visit) => head(visit, "GET", [`x-gigantic: ${"g".repeat(20_000)}`])),
  nonsense("sends two lengths", (visit) => head(visit, "POST", ["content-length: 1", "content-length: 2"])),
  nonsense("closes in its head", (visit) => GET(visit).slice(0, 20), close),
  nonsense("resets in its head", (visit) => GET(visit).slice(0, 20), reset),
];

export function openConnection(port: number): Promise<Connection> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    let received = "";
    let waiting: (() => void)[] = [];
    const wake = (): void => {
      for (const one of waiting) one();
      waiting = [];
    };
    let failure = "";
    socket.on("data", (data: Buffer) => {
      received += data.toString("latin1");
      wake();
    });
    socket.on("error", (error: { code?: unknown }) => (failure = ` ${String(error.code)}`));
    socket.on("end", () => socket.end());
    const isClosed = new Promise<string>((over) => {
      socket.on("close", () => {
        over(`closed${failure}`);
        wake();
      });
    });
    socket.on("connect", () =>
      resolve({
        socket,
        received: () => received,
        until: async (condition) => {
          while (!condition(received) && !socket.destroyed) await new Promise<void>((resume) => void waiting.push(resume));
        },
        closed: isClosed,
      }),
    );
  });
}

/** The received bytes without the Date header, and the digest of a long body. */
export function shownBytes(received: string): string {
  const text = received.replaceAll(/^date: .*\r\n/gim, "");
  return text.length < 400
    ? text
    : `${text.slice(0, 200)}... ${text.length} ${createHash("sha1").update(text).digest("base64").slice(0, 8)}`;
}
