import { constants } from "node:http2";
import type { OutgoingHttpHeaders } from "node:http2";
import type { Fault } from "./faults.ts";

/** A step of a response over HTTP/2. */
export type Http2Step =
  | { readonly head: OutgoingHttpHeaders; readonly endStream?: true; readonly trailers?: OutgoingHttpHeaders }
  /** An informational response. */
  | { readonly info: OutgoingHttpHeaders }
  | { readonly data: string }
  | { readonly rst: number }
  /** @property last whether the server still processes the stream. */
  | { readonly goaway: number; readonly last: boolean }
  | "end"
  | "turn"
  | "hold"
  /** Close the session after its streams have ended. */
  | "close session"
  | "destroy session"
  /** Destroy the connection without an HTTP/2 frame. */
  | "destroy socket";

const {
  NGHTTP2_NO_ERROR,
  NGHTTP2_PROTOCOL_ERROR,
  NGHTTP2_INTERNAL_ERROR,
  NGHTTP2_REFUSED_STREAM,
  NGHTTP2_CANCEL,
  NGHTTP2_ENHANCE_YOUR_CALM,
} = constants;

// Without this, the response would contain its time.
const DATE = { date: "Thu, 01 Jan 1970 00:00:00 GMT" };
const head = (status: number, headers: OutgoingHttpHeaders = {}): { head: OutgoingHttpHeaders } => ({
  head: { ":status": status, ...DATE, ...headers },
});
const OK: readonly Http2Step[] = [head(200, { "content-type": "application/json" }), { data: '{"answer":42}' }, "end"];
const one = (name: string, ...stream: Http2Step[]): Fault => ({ name, streams: [stream] });

const RESETS = { NGHTTP2_INTERNAL_ERROR, NGHTTP2_REFUSED_STREAM, NGHTTP2_CANCEL, NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_NO_ERROR };

/** All faults over HTTP/2. */
export const HTTP2_FAULTS: readonly Fault[] = [
  one("h2 200", ...OK),
  one("h2 200, no body", { ...head(200), endStream: true }),
  one("h2 204", { ...head(204), endStream: true }),
  one("h2 404", head(404), { data: "not here" }, "end"),
  one("h2 500", head(500), { data: "broken" }, "end"),
  one("h2 large", head(200), { data: "x".repeat(300_000) }, "end"),
  one("h2 103, then 200", { info: { ":status": 103, link: "</a>; rel=preload" } }, "turn", ...OK),
  one("h2 trailers", { ...head(200), trailers: { "x-sum": "1" } }, { data: "body" }, "end"),
  { name: "h2 401, then 200", streams: [[head(401), { data: "who?" }, "end"], OK] },
  { name: "h2 503, then 200", streams: [[head(503, { "retry-after": "0" }), { data: "busy" }, "end"], OK] },
  { name: "h2 redirect", streams: [[{ ...head(302, { location: "next" }), endStream: true }], OK] },
  one("h2 loop", { ...head(302, { location: "again" }), endStream: true }),
  one("h2 a large header", head(200, { "x-large": "g".repeat(20_000) }), { data: "ok" }, "end"),
  ...Object.entries(RESETS).map(([name, code]) => ({
    ...one(`h2 RST ${name} before the head`, { rst: code }),
    isResent: true as const,
  })),
  ...Object.entries(RESETS).map(([name, code]) =>
    one(`h2 RST ${name} in the body`, head(200), { data: "part" }, "turn", "turn", { rst: code }),
  ),
  { name: "h2 RST REFUSED_STREAM, then 200", isResent: true, streams: [[{ rst: NGHTTP2_REFUSED_STREAM }], OK] },
  one("h2 GOAWAY, and the answer", { goaway: NGHTTP2_NO_ERROR, last: true }, "turn", ...OK),
  one("h2 GOAWAY before the head", { goaway: NGHTTP2_NO_ERROR, last: false }, "turn", "destroy session"),
  one("h2 GOAWAY with an error", { goaway: NGHTTP2_PROTOCOL_ERROR, last: false }, "turn", "destroy session"),
  one(
    "h2 GOAWAY in the body",
    head(200),
    { data: "part" },
    "turn",
    { goaway: NGHTTP2_INTERNAL_ERROR, last: true },
    "turn",
    "destroy session",
  ),
  one("h2 closed after the answer", ...OK, "close session"),
  one("h2 session destroyed", "destroy session"),
  one("h2 session destroyed in the body", head(200), { data: "part" }, "turn", "turn", "destroy session"),
  one("h2 connection cut", "destroy socket"),
  one("h2 connection cut in the body", head(200), { data: "part" }, "turn", "turn", "destroy socket"),
  { name: "h2 stalls before the head", holds: "before the head", streams: [["hold"]] },
  { name: "h2 stalls in the body", holds: "in the body", streams: [[head(200), { data: "part" }, "turn", "turn", "hold"]] },
  {
    name: "h2 stalls at a hop",
    isBehindHop: true,
    holds: "before the head",
    streams: [[{ ...head(302, { location: "next" }), endStream: true }], ["hold"]],
  },
];
