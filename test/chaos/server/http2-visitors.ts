import { connect, constants } from "node:http2";
import type { ClientHttp2Session, ClientHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import type { Visit } from "./visit.ts";
import type { Visitor } from "./visitors.ts";

const { NGHTTP2_CANCEL, NGHTTP2_INTERNAL_ERROR, NGHTTP2_REFUSED_STREAM, NGHTTP2_NO_ERROR } = constants;

/** A visitor over HTTP/2. */
export interface Http2Visitor extends Omit<Visitor, "visit"> {
  readonly visit: (session: ClientHttp2Session, visit: Visit) => Promise<string>;
}

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

function ask(session: ClientHttp2Session, visit: Visit, method = "GET"): ClientHttp2Stream {
  const headers = { ":method": method, ":path": `/${visit.index}/first`, traceparent: visit.traceparent };
  return session.request(headers, { endStream: method === "GET" }).on("error", () => {});
}

/** A summary of everything received of a response. */
function read(stream: ClientHttp2Stream): Promise<string> {
  const events: string[] = [];
  let size = 0;
  stream.on("headers", (headers) => events.push(`info ${headers[":status"]}`));
  stream.on("response", (headers) => events.push(`answered ${headers[":status"]} ${Object.keys(headers).join()}`));
  stream.on("trailers", (headers) => events.push(`trailers ${Object.keys(headers).join()}`));
  stream.on("data", (data: Buffer) => (size += data.length));
  return new Promise((resolve) => void stream.on("close", () => resolve(`${events.join("; ")}; ${size} bytes; ${stream.rstCode}`)));
}

const closed = (stream: ClientHttp2Stream): Promise<unknown> =>
  new Promise((resolve) => (stream.closed ? resolve(0) : stream.resume().on("close", resolve)));

const leaves = (
  name: string,
  waits: "for the head" | "for the handler",
  leave: (session: ClientHttp2Session, stream: ClientHttp2Stream) => unknown,
  method = "GET",
): Http2Visitor => ({
  name,
  waits,
  visit: async (session, visit) => {
    const stream = ask(session, visit, method);
    if (method === "POST") stream.write("part");
    const head = new Promise((resolve) => void stream.on("response", resolve).on("close", resolve));
    await visit.until("handled");
    if (waits === "for the head") await head;
    leave(session, stream);
    await closed(stream);
    return "left";
  },
});

const rst = (code: number) => (_: ClientHttp2Session, stream: ClientHttp2Stream) => stream.close(code);
const destroy = (session: ClientHttp2Session): void => session.destroy();

/** The connection of a session. The session's own `socket` property cannot be destroyed. */
const beneath = new WeakMap<ClientHttp2Session, Socket>();
const cut = (session: ClientHttp2Session): unknown => beneath.get(session)?.resetAndDestroy();

export const HTTP2_VISITORS: readonly Http2Visitor[] = [
  { name: "h2 reads all", waits: "for all", visit: (session, visit) => read(ask(session, visit)) },
  {
    name: "h2 posts",
    waits: "for all",
    visit: async (session, visit) => {
      const stream = ask(session, visit, "POST");
      const all = read(stream);
      stream.write("twelve");
      await turn();
      stream.end(" bytes");
      return all;
    },
  },
  {
    name: "h2 three at a time",
    waits: "for all",
    requests: 3,
    visit: async (session, visit) => (await Promise.all([1, 2, 3].map(() => read(ask(session, visit))))).join(" / "),
  },
  leaves("h2 RST CANCEL when it is handled", "for the handler", rst(NGHTTP2_CANCEL)),
  leaves("h2 RST INTERNAL_ERROR when it is handled", "for the handler", rst(NGHTTP2_INTERNAL_ERROR)),
  leaves("h2 RST REFUSED_STREAM in its body", "for the handler", rst(NGHTTP2_REFUSED_STREAM), "POST"),
  leaves("h2 RST CANCEL after the head", "for the head", rst(NGHTTP2_CANCEL)),
  leaves("h2 RST NO_ERROR after the head", "for the head", rst(NGHTTP2_NO_ERROR)),
  leaves("h2 session destroyed when it is handled", "for the handler", destroy),
  leaves("h2 session destroyed in its body", "for the handler", destroy, "POST"),
  leaves("h2 session destroyed after the head", "for the head", destroy),
  leaves("h2 connection cut when it is handled", "for the handler", cut),
  leaves("h2 connection cut after the head", "for the head", cut),
  leaves("h2 GOAWAY, then destroyed", "for the handler", (session) => {
    session.goaway(NGHTTP2_INTERNAL_ERROR);
    setImmediate(() => session.destroy());
  }),
];

export async function openSession(port: number): Promise<ClientHttp2Session> {
  const { connect: connectSocket } = await import("node:net");
  const socket = connectSocket(port, "127.0.0.1");
  socket.on("error", () => {});
  const session = connect(`http://127.0.0.1:${port}`, { createConnection: () => socket });
  session.on("error", () => {});
  beneath.set(session, socket);
  await new Promise((resolve) => void session.once("connect", resolve));
  return session;
}
