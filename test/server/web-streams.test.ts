import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { traceRequests } from "../../src/server/web.ts";
import { shapeOf, startTelemetry, until } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { TRACEPARENT, TRACE_ID } from "./client.ts";
import { FAILED, activeTrace, milliseconds, parts, streamFrom, webSpan } from "./web.ts";

/** Streams that a server written in JavaScript sends, on Node, where nothing but the body tells of its end. */
let telemetry: TestTelemetry;
beforeEach(() => void (telemetry = startTelemetry()));
afterEach(async () => {
  await telemetry.settled();
  await telemetry.stop();
});

const request = (init: RequestInit = {}): Request =>
  new Request("http://agents.example/", { headers: { traceparent: TRACEPARENT }, ...init });
const EVENTS = { headers: { "content-type": "text/event-stream" } };
const textOf = (chunk: unknown): string => new TextDecoder().decode(chunk as Uint8Array);

const streamed = (failure?: Error): ReadableStream => Readable.toWeb(Readable.from(parts(undefined, failure))) as ReadableStream;
const from = (failure?: Error, note?: Parameters<typeof parts>[0]): ReadableStream => streamFrom(parts(note, failure));

async function drain(stream: ReadableStream): Promise<string> {
  const reader = stream.getReader();
  let text = "";
  for (let part = await reader.read(); !part.done; part = await reader.read()) text += textOf(part.value);
  return text;
}
async function iterate(items: AsyncIterable<unknown>): Promise<string> {
  let text = "";
  for await (const item of items) text += textOf(item);
  return text;
}
const bodyOf = (response: Response): ReadableStream & AsyncIterable<Uint8Array> => response.body as never;

const HOSTS: Record<string, (response: Response) => Promise<string>> = {
  "a reader": (response) => drain(bodyOf(response)),
  "for await": (response) => iterate(bodyOf(response)),
  "Readable.fromWeb": (response) => iterate(Readable.fromWeb(bodyOf(response) as never)),
  pipeTo: async (response) => {
    let text = "";
    await bodyOf(response).pipeTo(new WritableStream({ write: (chunk) => void (text += textOf(chunk)) }));
    return text;
  },
  pipeThrough: (response) => drain(bodyOf(response).pipeThrough(new TransformStream())),
  tee: async (response) => {
    const [one, other] = bodyOf(response).tee();
    const [text, same] = await Promise.all([drain(one), iterate(other as never)]);
    return text === same ? text : "they differ";
  },
  "text()": (response) => response.text(),
  "a Response made of the body": (response) => new Response(response.body).text(),
  "a clone": async (response) => {
    const copy = response.clone();
    const [text, same] = await Promise.all([response.text(), drain(bodyOf(copy))]);
    return text === same ? text : "they differ";
  },
};

describe.each<[string, (failure?: Error) => Response]>([
  ["an event stream", (failure) => new Response(from(failure), EVENTS)],
  ["a stream of no such content type", (failure) => new Response(from(failure), { headers: { "content-type": "text/plain" } })],
  ["a stream of Node's", (failure) => new Response(streamed(failure))],
])("the span lasts over %s that is sent by", (_, make) => {
  test.each(Object.entries(HOSTS))("%s", async (_host, sendBy) => {
    const response = make();
    const returned = traceRequests(() => response)(request());
    expect(returned).toBe(response);
    expect(await sendBy(returned)).toBe("abc");
    const [span] = await telemetry.ended(1);
    expect(span && shapeOf(span)).toEqual(webSpan());
    expect(milliseconds(span)).toBeGreaterThan(25);
  });

  test("a server that sees its source fail: the span has failed, and the server finds the same error", async () => {
    const failure = new RangeError("source");
    const response = traceRequests(() => make(failure))(request());
    await expect(drain(bodyOf(response))).rejects.toBe(failure);
    const [span] = await telemetry.ended(1);
    expect(span && shapeOf(span)).toEqual(webSpan({ "error.type": "RangeError" }, FAILED));
  });

  test("a server that cancels it, for its client has gone: no error", async () => {
    const response = traceRequests(() => make())(request());
    const reader = bodyOf(response).getReader();
    await reader.read();
    await reader.cancel("gone");
    const [span] = await telemetry.ended(1);
    expect(span && shapeOf(span)).toEqual(webSpan());
  });
});

// What the platform reads by no method of the stream's or its reader's; so does Readable.fromWeb from Node 26 on.
const UNSEEN = new Set([
  "text()",
  "a clone",
  "a Response made of the body",
  ...(process.versions.node >= "26" ? ["Readable.fromWeb"] : []),
]);

describe("the caller's context is active in what makes the stream, read by", () => {
  test.each(Object.entries(HOSTS).filter(([name]) => !UNSEEN.has(name)))("%s", async (_, sendBy) => {
    const seen: (string | undefined)[] = [];
    const note = (traceId: string | undefined): void => void seen.push(traceId);
    const response = traceRequests(() => new Response(from(undefined, note), EVENTS))(request());
    await sleep(5); // what is read at once is still made where the stream was
    await sendBy(response);
    expect(seen).toEqual([TRACE_ID, TRACE_ID, TRACE_ID]);
    await telemetry.ended(1);
  });

  test("a reader that cancels", async () => {
    let cancelled: unknown;
    const body = new ReadableStream({ cancel: (reason) => void (cancelled = [reason, activeTrace()]) });
    await bodyOf(traceRequests(() => new Response(body))(request()))
      .getReader()
      .cancel("gone");
    expect(cancelled).toEqual(["gone", TRACE_ID]);
    await telemetry.ended(1);
  });
});

describe("the span of a body that is whole ends when it is answered", () => {
  test.each<[string, () => Response]>([
    ["no body", () => new Response()],
    ["a text", () => new Response("text")],
    ["JSON", () => Response.json({ a: 1 })],
    ["bytes", () => new Response(new Uint8Array(10))],
    ["a Blob", () => new Response(new Blob(["x"]))],
    ["a form", () => new Response(new URLSearchParams("a=1"))],
    ["204", () => new Response(null, { status: 204 })],
  ])("%s", async (_, make) => {
    const response = make();
    const { body } = response;
    expect(traceRequests(() => response)(request())).toBe(response);
    expect(telemetry.own().map(shapeOf)).toEqual([webSpan({ "http.response.status_code": response.status })]);
    expect(response.body).toBe(body);
    expect(Object.getOwnPropertyNames(response.body ?? {})).toEqual([]);
  });

  test("the answer to HEAD has none, whatever its handler made", async () => {
    const response = new Response(from(), EVENTS);
    expect(traceRequests(() => response)(request({ method: "HEAD" }))).toBe(response);
    expect(telemetry.own().map((span) => span.name)).toEqual(["HEAD"]);
  });

  test("a response that was read already is the server's to refuse", async () => {
    const response = new Response(from(), EVENTS);
    await response.text();
    expect(traceRequests(() => response)(request())).toBe(response);
    expect(telemetry.own()).toHaveLength(1);
  });
});

test("nothing is read ahead, and every byte arrives", async () => {
  let pulled = 0;
  const body = new ReadableStream(
    {
      pull: (controller) => {
        controller.enqueue(new Uint8Array(1000).fill(++pulled));
        if (pulled === 100) controller.close();
      },
    },
    { highWaterMark: 0 },
  );
  const reader = bodyOf(traceRequests(() => new Response(body, EVENTS))(request())).getReader();
  await sleep(5);
  expect(pulled).toBe(0);
  let length = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    length += (part.value as Uint8Array).length;
    expect(pulled).toBe(length / 1000);
  }
  expect(length).toBe(100_000);
  await telemetry.ended(1);
});

test("an AbortError of the source's is no error where the client has gone", async () => {
  const client = new AbortController();
  const gone = new DOMException("gone", "AbortError");
  const traced = traceRequests((received) => {
    const start = (controller: ReadableStreamDefaultController): void =>
      received.signal.addEventListener("abort", () => controller.error(gone));
    return new Response(new ReadableStream({ start }), EVENTS);
  });
  const read = bodyOf(traced(request({ signal: client.signal })))
    .getReader()
    .read();
  client.abort();
  await expect(read).rejects.toBe(gone);
  expect((await telemetry.ended(1)).map(shapeOf)).toEqual([webSpan()]);
});

test("a stream that no server reads is ended after a while, with the time of its answer", async () => {
  traceRequests(() => new Response(new ReadableStream({}), EVENTS))(request());
  const [span] = await telemetry.ended(1, 8000);
  expect(span && shapeOf(span)).toEqual(webSpan());
  expect(milliseconds(span)).toBeLessThan(1000);
});

test("a stream that a server drops in the middle is ended when it is collected", async () => {
  await (async () => {
    const reader = bodyOf(traceRequests(() => new Response(from(), EVENTS))(request())).getReader();
    await reader.read();
  })();
  await sleep(600); // the watch over streams that nobody takes has let go
  await until(() => {
    globalThis.gc?.();
    return telemetry.own().length === 1;
  }, 8000);
  expect(telemetry.own().map(shapeOf)).toEqual([webSpan()]);
});

test("hooks and headers are told at the end", async () => {
  const responseHook = vi.fn<() => void>();
  const options = { responseHook, headersToSpanAttributes: { responseHeaders: ["content-type"] } };
  const response = traceRequests(() => new Response(from(), EVENTS), options)(request());
  expect(responseHook).not.toHaveBeenCalled();
  await response.text();
  const recorded = { "http.response.header.content-type": ["text/event-stream"] };
  expect((await telemetry.ended(1)).map(shapeOf)).toEqual([webSpan(recorded)]);
  expect(responseHook).toHaveBeenCalledTimes(1);
});
