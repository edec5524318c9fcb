import { brotliCompressSync, gzipSync } from "node:zlib";
import type { Http2Step } from "./http2-faults.ts";

/** The stage of a call. `"headers"`: the client has the head of the response; `"hold"`: the server has stalled. */
export type Stage = "headers" | "hold";

/** A step of a response: bytes to send, or another action on the connection. */
export type Step =
  | Buffer
  /** Close the connection after everything was sent. */
  | "close"
  | "reset"
  /** Stall until the client closes the connection. */
  | "hold"
  /** Wait for one turn of the event loop. */
  | "turn"
  /** Wait until the client has the head of the response. */
  | "until headers"
  /** Repeat the same bytes as fast as the client reads them. */
  | { readonly endless: Buffer };

/** How a server treats the requests of a call. */
export interface Fault {
  readonly name: string;
  /** The responses to the first request, the second, and so on; the last one is repeated. */
  readonly replies?: readonly (readonly Step[])[];
  /** The responses over HTTP/2. */
  readonly streams?: readonly (readonly Http2Step[])[];
  /** When the response begins: with the request's head, or after the whole request (default). */
  readonly begin?: "head";
  /**
   * Where the exchange stalls, so that the client must abort it; `"perhaps"`: some clients do not wait.
   */
  readonly holds?: "before the head" | "after the head" | "in the body" | "perhaps";
  /** Whether clients that do not follow redirects get a complete response. */
  readonly isBehindHop?: true;
  /** Which requests arrive is a race, so they are not compared. */
  readonly isRace?: true;
  /** The body of the response is sent and truncated in one step. */
  readonly isCut?: true;
  /** Some clients re-send such a request unchanged. */
  readonly isResent?: true;
  readonly methods?: readonly string[];
  /** The target of the call, if it is not the server of the lane. */
  readonly at?: "nowhere" | "resetting" | "no-tls" | "silent-tls";
}

type Headers = Record<string, string | readonly string[]>;

const bytes = (text: string): Buffer => Buffer.from(text, "latin1");

/** The head of a response. */
function head(status: number | string, headers: Headers = {}): Buffer {
  const lines = Object.entries(headers).flatMap(([name, value]) => [value].flat().map((one) => `${name}: ${one}\r\n`));
  return bytes(`HTTP/1.1 ${status}${typeof status === "number" ? " Answer" : ""}\r\n${lines.join("")}\r\n`);
}

/** A complete response. */
function answer(status: number | string, body: string | Buffer = "", headers: Headers = {}): Buffer {
  return Buffer.concat([head(status, { ...headers, "content-length": String(Buffer.byteLength(body)) }), Buffer.from(body)]);
}

const chunked = { "transfer-encoding": "chunked" };
const events = { ...chunked, "content-type": "text/event-stream" };
const chunk = (text: string): Buffer => bytes(`${text.length.toString(16)}\r\n${text}\r\n`);
const END = bytes("0\r\n\r\n");
const PART = bytes("part");
const event = (id: number): Buffer => chunk(`id: ${id}\ndata: {"event":${id}}\n\n`);
const JSON_BODY = '{"answer":42}';
const ok = answer(200, JSON_BODY, { "content-type": "application/json" });
const gzip = { "content-encoding": "gzip" };
const zipped = gzipSync("x".repeat(2000) + JSON_BODY);
const moved = (status: number, location: string): readonly Step[] => [answer(status, "moved", { location })];
const LONG = "abcdefghij".repeat(30_000);

const one = (name: string, ...reply: Step[]): Fault => ({ name, replies: [reply] });
const cut = (name: string, ...reply: Step[]): Fault => ({ name, isCut: true, replies: [reply] });

/** Valid but unusual responses. */
const SOUND: readonly Fault[] = [
  one("200", ok),
  one("200, chunked", head(200, chunked), chunk("one "), chunk("two"), END),
  one(
    "200 in pieces",
    head(200, chunked),
    "turn",
    chunk("one "),
    "turn",
    chunk("two"),
    "turn",
    "turn",
    bytes("0\r\n"),
    "turn",
    bytes("\r\n"),
  ),
  one(
    "200, the head in pieces",
    bytes("HTTP/1.1 20"),
    "turn",
    bytes("0 OK\r\nx-a: 1\r"),
    "turn",
    bytes("\ncontent-length: 2\r\n\r"),
    "turn",
    bytes("\nok"),
  ),
  one("200, large", answer(200, LONG)),
  one("200, without a length", head(200), bytes("until the end"), "close"),
  one("200, and closed", answer(200, "bye", { connection: "close" }), "close"),
  one("204", head(204)),
  one("304", head(304, { etag: '"a"' })),
  one("404", answer(404, "not here")),
  one("500", answer(500, "broken")),
  one("trailers", head(200, { ...chunked, trailer: "x-sum" }), chunk("body"), bytes("0\r\nx-sum: 1\r\nx-other: 2\r\n\r\n")),
  one("chunk extensions", head(200, chunked), bytes('4;name="value";other\r\nbody\r\n'), END),
  one("header twice", answer(200, "twice", { "set-cookie": ["a=1", "b=2"], "x-a": ["1", "2"], vary: ["a", "b"] })),
  one("gzip", answer(200, zipped, gzip)),
  one("brotli", answer(200, brotliCompressSync(JSON_BODY), { "content-encoding": "br" })),
  one("unknown encoding", answer(200, "plain", { "content-encoding": "rot13" })),
  one("broken JSON", answer(200, '{"answer":', { "content-type": "application/json" })),
  one("events that end", head(200, events), event(1), "turn", event(2), "turn", event(3), END),
  { name: "HEAD", methods: ["HEAD"], replies: [[head(200, { "content-length": "1000" })]] },
  { name: "HEAD 404", methods: ["HEAD"], replies: [[head(404)]] },
  { name: "413 before the body", begin: "head", isRace: true, methods: ["POST", "PUT"], replies: [[answer(413, "too much")]] },
  { name: "OPTIONS", methods: ["OPTIONS"], replies: [[answer(200, "", { allow: "GET" })]] },
];

/** Informational, pipelined and surplus responses. */
const MORE_THAN_ONE: readonly Fault[] = [
  one("100, then 200", head(100), "turn", ok),
  one("102 and 103, then 200", head(102), head(103, { link: "</a>; rel=preload" }), "turn", ok),
  one("many 103, then 200", ...Array.from({ length: 40 }, (_, i) => head(103, { "x-i": String(i) })), ok),
  one("103, then closed", head(103), "close"),
  one("103, then reset", head(103), "turn", "turn", "reset"),
  one("101 without a request for an upgrade", head(101, { upgrade: "other", connection: "upgrade" }), "close"),
  { name: "503 with Retry-After, then 200", replies: [[answer(503, "busy", { "retry-after": "0" })], [ok]] },
  { name: "503 with a date, then 200", replies: [[answer(503, "", { "retry-after": new Date(0).toUTCString() })], [ok]] },
  { name: "503 twice, then 200", replies: [[answer(503, "busy")], [answer(503, "busy")], [ok]] },
  one("503 for every attempt", answer(503, "busy", { "retry-after": "0" })),
  { name: "429, then 200", replies: [[answer(429, "slowly", { "retry-after": "0" })], [ok]] },
  { name: "401, then 200", replies: [[answer(401, "who?", { "www-authenticate": "Bearer" })], [ok]] },
  one("401 for every attempt", answer(401, "who?", { "www-authenticate": "Bearer" })),
  { name: "closed, then 200", replies: [["close"], [ok]] },
  { name: "reset, then 200", replies: [["reset"], [ok]] },
  { name: "cut, then 200", isCut: true, replies: [[head(200, { "content-length": "10" }), PART, "close"], [ok]] },
];

const REDIRECTS: readonly Fault[] = [
  ...[301, 302, 303, 307, 308].map((status) => ({ name: `${status}`, replies: [moved(status, "next"), [ok]] })),
  { name: "three hops", replies: [moved(302, "a"), moved(307, "b"), moved(303, "c"), [ok]] },
  { name: "a loop", replies: [moved(302, "again")] },
  { name: "to another origin", replies: [moved(307, "%OTHER%/next"), [ok]] },
  { name: "to nowhere", replies: [moved(302, "%NOWHERE%/")] },
  { name: "without a location", replies: [[answer(302, "moved")]] },
  { name: "to no URL", replies: [moved(302, "http://[")] },
  { name: "to another scheme", replies: [moved(302, "ftp://127.0.0.1/")] },
  { name: "with credentials", replies: [moved(302, "%CREDENTIALS%/next"), [ok]] },
  { name: "to 404", replies: [moved(302, "next"), [answer(404, "not here")]] },
  { name: "to a cut", isCut: true, replies: [moved(302, "next"), [head(200, { "content-length": "10" }), PART, "close"]] },
  { name: "to a reset", replies: [moved(302, "next"), ["reset"]] },
  {
    name: "cut, of a redirect's body",
    isRace: true,
    replies: [[head(302, { location: "next", "content-length": "10" }), PART, "until headers", "turn", "close"], [ok]],
  },
  {
    name: "slow redirect",
    replies: [[head(302, { location: "next", ...chunked }), "turn", chunk("moved"), "turn", END], [ok]],
  },
];

/** Connections that end prematurely. */
const CUTS: readonly Fault[] = [
  { name: "refused", at: "nowhere" },
  { name: "reset on accept", at: "resetting" },
  { name: "no TLS", at: "no-tls" },
  one("closed before the head", "close"),
  one("reset before the head", "reset"),
  { name: "closed in the middle of the request", begin: "head", isRace: true, methods: ["POST"], replies: [["close"]] },
  { name: "reset in the middle of the request", begin: "head", isRace: true, methods: ["POST"], replies: [["reset"]] },
  one("closed in the status line", bytes("HTTP/1.1 2"), "close"),
  one("closed in the head", bytes("HTTP/1.1 200 OK\r\nx-a: 1\r\nx-b"), "close"),
  one("closed after the head", head(200, { "content-length": "10" }), "close"),
  one("reset after the head", head(200, { "content-length": "10" }), "until headers", "reset"),
  cut("cut", head(200, { "content-length": "1000" }), PART, "close"),
  cut("cut, large", head(200, { "content-length": "1000000" }), bytes(LONG), "close"),
  cut("cut, chunked", head(200, chunked), chunk("part"), "close"),
  cut("cut in a chunk", head(200, chunked), bytes("ff\r\npart"), "close"),
  cut("reset in the body", head(200, { "content-length": "1000" }), PART, "until headers", "turn", "reset"),
  cut("cut, of an error", head(500, { "content-length": "100" }), PART, "close"),
  cut("cut, of gzip", head(200, { ...gzip, "content-length": String(zipped.length) }), zipped.subarray(0, 20), "close"),
  cut("events that break off", head(200, events), event(1), "turn", event(2), "close"),
];

/** Invalid responses. */
const NONSENSE: readonly Fault[] = [
  one("no HTTP", bytes("SSH-2.0-OpenSSH_9\r\n"), "close"),
  one("a bad version", bytes("HTTP/3.7 200 OK\r\n\r\n"), "close"),
  one("a bad status", bytes("HTTP/1.1 2OO OK\r\ncontent-length: 0\r\n\r\n"), "close"),
  one("status 999", answer(999, "odd"), "close"),
  one("status 0", answer("000 Zero", "odd"), "close"),
  one("a bad header name", bytes("HTTP/1.1 200 OK\r\nbad name: 1\r\ncontent-length: 0\r\n\r\n"), "close"),
  one("a NUL in a header", bytes("HTTP/1.1 200 OK\r\nx-a: a\u0000b\r\ncontent-length: 0\r\n\r\n"), "close"),
  one("a header that is not ASCII", Buffer.from("HTTP/1.1 200 OK\r\nx-a: \u00e9\u6f22\r\ncontent-length: 2\r\n\r\nok"), "close"),
  one("a folded header", bytes("HTTP/1.1 200 OK\r\nx-a: a\r\n b\r\ncontent-length: 2\r\n\r\nok"), "close"),
  one("two lengths", bytes("HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok"), "close"),
  one("a negative length", bytes("HTTP/1.1 200 OK\r\ncontent-length: -2\r\n\r\nok"), "close"),
  one(
    "a length and chunks",
    bytes("HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
    "close",
  ),
  one("a gigantic header", head(200, { "x-gigantic": "g".repeat(70_000) }), "close"),
  one("thousands of headers", head(200, Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`x-${i}`, "v"]))), "close"),
  one("a large header", answer(200, "ok", { "x-large": "g".repeat(12_000) })),
  cut("a bad chunk size", head(200, chunked), bytes("xyz\r\nbody\r\n0\r\n\r\n"), "close"),
  cut("a bad second chunk", head(200, chunked), chunk("good"), "turn", bytes("oops\r\n\r\n"), "close"),
  cut("a chunk that is too long", head(200, chunked), bytes("2\r\nbody\r\n0\r\n\r\n"), "close"),
  cut("a gigantic chunk size", head(200, chunked), bytes("ffffffffffffffffff\r\nbody\r\n0\r\n\r\n"), "close"),
  cut("bad trailers", head(200, chunked), chunk("body"), bytes("0\r\nbad name\r\n\r\n"), "close"),
  cut("more than the length", Buffer.concat([answer(200, "ok"), Buffer.from("and more")]), "close"),
  one("204 with a body", bytes("HTTP/1.1 204 No\r\ncontent-length: 4\r\n\r\nbody"), "close"),
  one("no gzip", answer(200, "this is not gzip", gzip)),
  one("no brotli", answer(200, "\u0001this is not brotli", { "content-encoding": "br" })),
  one("an unrequested response", Buffer.concat([ok, ok]), "close"),
];

/** Exchanges that stall or never end. */
const STALLS: readonly Fault[] = [
  { name: "stalls before the head", holds: "before the head", replies: [["hold"]] },
  { name: "stalls in the middle of the request", holds: "before the head", begin: "head", isRace: true, replies: [["hold"]] },
  { name: "stalls in TLS", at: "silent-tls", holds: "before the head" },
  { name: "stalls in the head", holds: "before the head", replies: [[bytes("HTTP/1.1 200 OK\r\nx-a: 1\r\n"), "hold"]] },
  { name: "stalls after 103", holds: "before the head", replies: [[head(103), "hold"]] },
  { name: "stalls after the head", holds: "after the head", replies: [[head(200, { "content-length": "10" }), "hold"]] },
  { name: "stalls in the body", holds: "in the body", replies: [[head(200, { "content-length": "10" }), PART, "hold"]] },
  {
    name: "stalls in a large body",
    holds: "in the body",
    replies: [[head(200, { "content-length": "1000000" }), bytes(LONG), "hold"]],
  },
  { name: "stalls at a hop", isBehindHop: true, holds: "before the head", replies: [moved(302, "next"), ["hold"]] },
  {
    name: "stalls in a redirect's body",
    holds: "perhaps",
    replies: [[head(302, { location: "next", ...chunked }), "until headers", "hold"], [ok]],
  },
  { name: "stalls in an error", holds: "in the body", replies: [[head(503, { "content-length": "10" }), PART, "hold"]] },
  { name: "events that stop", holds: "in the body", replies: [[head(200, events), event(1), "hold"]] },
  { name: "events without end", holds: "in the body", replies: [[head(200, events), { endless: event(7) }]] },
];

/** All faults over HTTP/1.1. */
export const FAULTS: readonly Fault[] = [...SOUND, ...MORE_THAN_ONE, ...REDIRECTS, ...CUTS, ...NONSENSE, ...STALLS];
