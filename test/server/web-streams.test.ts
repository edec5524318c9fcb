import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { traceRequests } from "../../src/server/web.ts";
import { shapeOf, startTelemetry, until } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { TRACEPARENT, TRACE_ID } from "./client.ts";
import { FAILED, activeTrace, endOf, milliseconds, parts, streamFrom, webSpan } from "./web.ts";

// Streams that a server in JavaScript sends on Node.js, where only the body shows the end of the response.
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
  ["a stream of another content type", (failure) => new Response(from(failure), { headers: { "content-type": "text/plain" } })],
  ["a stream of node:stream", (failure) => new Response(streamed(failure))],
])("the span ends with the last byte of %s that is sent by", (_, make) => {
  it.each(Object.entries(HOSTS))("%s", async (_host, sendBy) => {
    const response = make();
    const returned = traceRequests(() => response)(request());
    expect(returned).toBe(response);
    expect(await sendBy(returned)).toBe("abc");
    const [span] = await telemetry.ended(1);
    expect(span && shapeOf(span)).toEqual(webSpan());
    expect(milliseconds(span)).toBeGreaterThan(25);
  });

  it("a server whose source fails, with the same error for the span and the server", async () => {
    const failure = new RangeError("source");
    const response = traceRequests(() => make(failure))(request());
    await expect(drain(bodyOf(response))).rejects.toBe(failure);
    const [span] = await telemetry.ended(1);
    expect(span && shapeOf(span)).toEqual(webSpan({ "error.type": "RangeError" }, FAILED));
  });

  it("a server that cancels it because the client has closed the connection, without an error", async () => {
    const response = traceRequests(() => make())(request());
    const reader = bodyOf(response).getReader();
    await reader.read();
    await reader.cancel("gone");
    const [span] = await telemetry.ended(1);
    expect(span && shapeOf(span)).toEqual(webSpan());
  });
});

// These ways of reading call no method of the stream or its reader; so does Readable.fromWeb since Node.js 26.
const UNSEEN = new Set([
  "text()",
  "a clone",
  "a Response made of the body",
  ...(process.versions.node >= "26" ? ["Readable.fromWeb"] : []),
]);

describe("the caller's context is active in the source of a stream that is read by", () => {
  it.each(Object.entries(HOSTS).filter(([name]) => !UNSEEN.has(name)))("%s", async (_, sendBy) => {
    const seen: (string | undefined)[] = [];
    const note = (traceId: string | undefined): void => void seen.push(traceId);
    const response = traceRequests(() => new Response(from(undefined, note), EVENTS))(request());
    await sleep(5); // otherwise the first part is produced in the context that created the stream
    await sendBy(response);
    expect(seen).toEqual([TRACE_ID, TRACE_ID, TRACE_ID]);
    await telemetry.ended(1);
  });

  it("a reader that cancels", async () => {
    let cancelled: unknown;
    const body = new ReadableStream({ cancel: (reason) => void (cancelled = [reason, activeTrace()]) });
    await bodyOf(traceRequests(() => new Response(body))(request()))
      .getReader()
      .cancel("gone");
    expect(cancelled).toEqual(["gone", TRACE_ID]);
    await telemetry.ended(1);
  });
});

describe("the span of a complete body ends when the handler returns", () => {
  it.each<[string, () => Response]>([
    ["no body", () => new Response()],
    ["a text", () => new Response("text")],
    ["JSON", () => Response.json({ a: 1 })],
    ["bytes", () => new Response(new Uint8Array(10))],
    ["a Blob", () => new Response(new Blob(["x"]))],
    ["a form", () => new Response(new URLSearchParams("a=1"))],
    ["the status 204", () => new Response(null, { status: 204 })],
  ])("if the response has %s", async (_, make) => {
    const response = make();
    const { body } = response;
    expect(traceRequests(() => response)(request())).toBe(response);
    expect(telemetry.own().map(shapeOf)).toEqual([webSpan({ "http.response.status_code": response.status })]);
    expect(response.body).toBe(body);
    expect(Object.getOwnPropertyNames(response.body ?? {})).toEqual([]);
  });

  it("if the request is HEAD, whatever the handler returns", async () => {
    const response = new Response(from(), EVENTS);
    expect(traceRequests(() => response)(request({ method: "HEAD" }))).toBe(response);
    expect(telemetry.own().map((span) => span.name)).toEqual(["HEAD"]);
  });

  it("if the response was read already, which the server rejects", async () => {
    const response = new Response(from(), EVENTS);
    await response.text();
    expect(traceRequests(() => response)(request())).toBe(response);
    expect(telemetry.own()).toHaveLength(1);
  });
});

it("does not read ahead, and delivers every byte", async () => {
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

it("records no error for an AbortError of the source after the client has closed the connection", async () => {
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

it("ends the span of a stream that is not read after a while, with the time at which the handler returned", async () => {
  traceRequests(() => new Response(new ReadableStream({}), EVENTS))(request());
  const returned = Date.now();
  const [span] = await telemetry.ended(1, 8000);
  expect(span && shapeOf(span)).toEqual(webSpan());
  // The clocks of the span and of the test may differ by a few milliseconds.
  expect(span && endOf(span)).toBeLessThan(returned + 50);
});

it("ends the span of a stream that a server drops when the stream is garbage-collected", async () => {
  await (async () => {
    const reader = bodyOf(traceRequests(() => new Response(from(), EVENTS))(request())).getReader();
    await reader.read();
  })();
  await sleep(600); // the timer for unread streams no longer refers to it
  await until(() => {
    globalThis.gc?.();
    return telemetry.own().length === 1;
  }, 8000);
  expect(telemetry.own().map(shapeOf)).toEqual([webSpan()]);
});

it("calls hooks and records headers at the end", async () => {
  const responseHook = vi.fn<() => void>();
  const options = { responseHook, headersToSpanAttributes: { responseHeaders: ["content-type"] } };
  const response = traceRequests(() => new Response(from(), EVENTS), options)(request());
  expect(responseHook).not.toHaveBeenCalled();
  await response.text();
  const recorded = { "http.response.header.content-type": ["text/event-stream"] };
  expect((await telemetry.ended(1)).map(shapeOf)).toEqual([webSpan(recorded)]);
  expect(responseHook).toHaveBeenCalledTimes(1);
});
