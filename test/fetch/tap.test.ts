import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { activeCalls } from "../../src/core/calls/active-calls.ts";
import { instrumentFetch, wrapFetch } from "../../src/fetch.ts";
import { ROUTES, serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { shapeOf, startTelemetry, traceparentOf, until } from "../support/telemetry.ts";
import type { SpanShape, TestTelemetry } from "../support/telemetry.ts";
import { endedBefore, now } from "../support/outcome.ts";
import { bothWays, errorShape } from "./control.ts";

// A platform without channels. The library looks for it when fetch is first instrumented.
(globalThis as { Deno?: object }).Deno = {};

const EVENTS = "data: x\n\n".repeat(5);
let sent = 0;
let telemetry: TestTelemetry;
let server: TestServer;
let undo: () => void = () => {};
beforeAll(async () => {
  server = await serve({
    ...ROUTES,
    "/paced": (_, response) => {
      response.writeHead(200, { "content-type": "Text/Event-Stream; charset=utf-8" }).flushHeaders();
      let count = 0;
      const timer = setInterval(() => {
        response.write("data: x\n\n");
        if (++count < 5) return;
        clearInterval(timer);
        response.end();
      }, 20);
    },
    "/cut-events": (_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" }).write("data: x\n\n");
      setTimeout(() => response.socket?.destroy(), 60);
    },
    "/flood": (_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      const send = (): void => {
        while (sent < 1000) {
          sent++;
          if (!response.write(Buffer.alloc(100_000))) return void response.once("drain", send);
        }
        response.end();
      };
      send();
    },
    "/failed-events": (_, response) => void response.writeHead(500, { "content-type": "text/event-stream" }).end("data: x\n\n"),
  });
});
afterAll(() => server.close());
beforeEach(() => void (telemetry = startTelemetry()));
afterEach(async () => {
  undo();
  vi.unstubAllGlobals();
  await telemetry.stop();
});

function expected(path: string, errorType?: string, status = 200): SpanShape {
  return {
    name: "GET",
    kind: SpanKind.CLIENT,
    status: errorType === undefined ? SpanStatusCode.UNSET : SpanStatusCode.ERROR,
    attributes: {
      "http.request.method": "GET",
      "http.response.status_code": status,
      "server.address": "127.0.0.1",
      "server.port": server.port,
      "url.full": `${server.url}${path}`,
      ...(errorType !== undefined && { "error.type": errorType }),
    },
    events: errorType === undefined || status >= 400 ? [] : ["exception"],
  };
}

// An unread response ends its span after three seconds.
const BEFORE_TIMEOUT_MS = 2500;

const milliseconds = (span: ReadableSpan): number => span.duration[0] * 1e3 + span.duration[1] / 1e6;

async function onlySpan(patience?: number): Promise<ReadableSpan> {
  const [span] = (await telemetry.ended(1, patience)) as [ReadableSpan];
  expect(activeCalls).toEqual([]);
  return span;
}

const textOf = (chunk: string | Uint8Array): string => (typeof chunk === "string" ? chunk : new TextDecoder().decode(chunk));

async function drain(stream: ReadableStream<string | Uint8Array>): Promise<string> {
  const reader = stream.getReader();
  const rest = async (): Promise<string> => {
    const { done, value } = await reader.read();
    return done ? "" : textOf(value) + (await rest());
  };
  return rest();
}

async function iterate(items: AsyncIterable<Uint8Array>): Promise<string> {
  let text = "";
  for await (const item of items) text += textOf(item);
  return text;
}
const bodyOf = (response: Response): ReadableStream<Uint8Array<ArrayBuffer>> =>
  response.body as ReadableStream<Uint8Array<ArrayBuffer>>;

/** A stream with one event, which stays open. */
function quietStream(): ReadableStream<Uint8Array> {
  return new ReadableStream({ start: (controller) => controller.enqueue(new TextEncoder().encode("data: x\n\n")) });
}

const CONSUMERS: Record<string, (response: Response) => Promise<string>> = {
  "a reader": (response) => drain(bodyOf(response)),
  "a byob reader": async (response) => {
    const reader = bodyOf(response).getReader({ mode: "byob" });
    const rest = async (): Promise<string> => {
      const { done, value } = await reader.read(new Uint8Array(100));
      return done ? "" : textOf(value) + (await rest());
    };
    return rest();
  },
  "for await": (response) => iterate(bodyOf(response)),
  "values()": (response) => iterate(bodyOf(response).values()),
  pipeTo: async (response) => {
    let text = "";
    const write = (chunk: Uint8Array): void => void (text += textOf(chunk));
    await bodyOf(response).pipeTo(new WritableStream({ write }));
    return text;
  },
  pipeThrough: (response) => drain(bodyOf(response).pipeThrough(new TextDecoderStream())),
  tee: async (response) => {
    const [one, other] = bodyOf(response).tee();
    const [text, same] = await Promise.all([drain(one), iterate(other)]);
    return text === same ? text : "they differ";
  },
  "one branch of tee, the other cancelled": async (response) => {
    const [one, other] = bodyOf(response).tee();
    const cancelled = other.cancel();
    const text = await drain(one);
    await cancelled;
    return text;
  },
  "one branch of tee, the other left unread": (response) => drain(bodyOf(response).tee()[1]),
  "text()": (response) => response.text(),
  "bytes()": async (response) => new TextDecoder().decode(await response.bytes()),
  "arrayBuffer()": async (response) => new TextDecoder().decode(await response.arrayBuffer()),
  "blob()": async (response) => (await response.blob()).text(),
  "clone()": async (response) => {
    const copy = response.clone();
    const [text, same] = await Promise.all([response.text(), drain(bodyOf(copy))]);
    return text === same ? text : "they differ";
  },
  "a Response made of the body": (response) => new Response(response.body).text(),
  "a reader for each event": (response) => {
    const rest = async (): Promise<string> => {
      const reader = bodyOf(response).getReader();
      const { done, value } = await reader.read();
      reader.releaseLock();
      return done ? "" : textOf(value) + (await rest());
    };
    return rest();
  },
  "a reader that hands over to for await": async (response) => {
    const reader = bodyOf(response).getReader();
    const { value } = await reader.read();
    reader.releaseLock();
    return textOf(value as Uint8Array) + (await iterate(bodyOf(response)));
  },
  "an iterator that hands over to a reader": async (response) => {
    let text = "";
    for await (const chunk of bodyOf(response).values({ preventCancel: true })) {
      text = textOf(chunk);
      break;
    }
    return text + (await drain(bodyOf(response)));
  },
};

describe("ends the span of an event stream when the application has read it by", () => {
  it.each(Object.entries(CONSUMERS))("%s", async (_, consume) => {
    const { plain, traced } = await bothWays(async () => consume(await fetch(`${server.url}/paced`)));
    expect(plain).toEqual({ value: EVENTS });
    expect(traced).toEqual({ value: EVENTS });
    const span = await onlySpan();
    expect(shapeOf(span)).toEqual(expected("/paced"));
    expect(server.values("traceparent")).toEqual([traceparentOf(span)]);
    expect(milliseconds(span)).toBeGreaterThan(75);
  });

  it.each(["json", "formData"] as const)("%s(), which fails to parse it", async (name) => {
    const { plain, traced } = await bothWays(async () => (await fetch(`${server.url}/paced`))[name]());
    expect(errorShape(traced.error)).toEqual(errorShape(plain.error));
    const span = await onlySpan();
    expect(shapeOf(span)).toEqual(expected("/paced"));
    expect(milliseconds(span)).toBeGreaterThan(75);
  });
});

const CUT: Record<string, (response: Response) => Promise<unknown>> = {
  ...CONSUMERS,
  "json()": (response) => response.json(),
  "a reader that is released": async (response) => {
    const reader = bodyOf(response).getReader();
    try {
      await Promise.all([reader.read(), reader.read(), reader.read()]);
    } finally {
      reader.releaseLock();
    }
  },
};
delete CUT["one branch of tee, the other cancelled"]; // its cancel() never settles

describe("records a truncated event stream as an error, and rejects as without tracing, when it is read by", () => {
  it.each(Object.entries(CUT))("%s", async (_, consume) => {
    const { plain, traced } = await bothWays(async () => consume(await fetch(`${server.url}/cut-events`)));
    expect(traced.error).toBeInstanceOf(TypeError);
    expect(errorShape(traced.error)).toEqual(errorShape(plain.error));
    expect(shapeOf(await onlySpan())).toEqual(expected("/cut-events", "UND_ERR_SOCKET"));
  });
});

const CANCELS: Record<string, (response: Response, abort: AbortController) => Promise<unknown>> = {
  "reader.cancel": async (response) => {
    const reader = bodyOf(response).getReader();
    await reader.read();
    await reader.cancel("enough");
  },
  "body.cancel": (response) => bodyOf(response).cancel(),
  "a break out of for await": async (response) => {
    for await (const _ of bodyOf(response)) break;
  },
  "the cancel of both branches of tee": async (response) => {
    const [one, other] = bodyOf(response).tee();
    await Promise.all([one.cancel(), other.getReader().cancel()]);
  },
  "a sink that fails": async (response) => {
    await bodyOf(response).pipeTo(new WritableStream({ write: () => Promise.reject(new RangeError("full")) }));
  },
  "the signal of pipeTo": async (response) => {
    await bodyOf(response).pipeTo(new WritableStream(), { signal: AbortSignal.timeout(30) });
  },
  "an abort while a reader waits": async (response, abort) => {
    const reading = drain(bodyOf(response));
    abort.abort();
    return reading;
  },
  "an abort with a reason, during text()": async (response, abort) => {
    const reading = response.text();
    abort.abort(new RangeError("enough"));
    return reading;
  },
};

describe("records no error when the application cancels an event stream by", () => {
  it.each(Object.entries(CANCELS))("%s", async (_, cancel) => {
    const { plain, traced } = await bothWays(async () => {
      const abort = new AbortController();
      return cancel(await fetch(`${server.url}/endless`, { signal: abort.signal }), abort);
    });
    expect(errorShape(traced.error)).toEqual(errorShape(plain.error));
    const span = await onlySpan(BEFORE_TIMEOUT_MS);
    expect(shapeOf(span)).toEqual(expected("/endless"));
  });

  it("and not by a cancel or a pipe that a locked stream refuses", async () => {
    undo = instrumentFetch();
    const body = bodyOf(await fetch(`${server.url}/paced`));
    const text = drain(body);
    await expect(body.cancel()).rejects.toThrow(TypeError);
    await expect(body.pipeTo(new WritableStream())).rejects.toThrow(TypeError);
    expect(() => body.pipeThrough(new TextDecoderStream())).toThrow(TypeError);
    expect(() => body.getReader()).toThrow(TypeError);
    expect(() => body.tee()).toThrow(TypeError);
    expect(telemetry.own()).toEqual([]);
    expect(await text).toBe(EVENTS);
    expect(shapeOf(await onlySpan())).toEqual(expected("/paced"));
  });
});

it("records a timeout of an event stream as an error", async () => {
  undo = instrumentFetch();
  const controller = new AbortController();
  const response = await fetch(`${server.url}/endless`, { signal: controller.signal });
  setTimeout(() => controller.abort(new DOMException("timeout", "TimeoutError")), 50); // while the body is read
  await expect(drain(bodyOf(response))).rejects.toThrow("timeout");
  expect(shapeOf(await onlySpan())).toEqual(expected("/endless", "TimeoutError"));
});

it("keeps the error.type of an event stream with an error status", async () => {
  undo = instrumentFetch();
  expect(await (await fetch(`${server.url}/failed-events`)).text()).toBe("data: x\n\n");
  expect(shapeOf(await onlySpan())).toEqual(expected("/failed-events", "500", 500));
});

describe("ends the span with the headers and adds nothing to the response", () => {
  it.each(["/json", "/ok", "/empty", "/large"])("when it is no event stream: %s", async (path) => {
    undo = instrumentFetch();
    const response = await fetch(`${server.url}${path}`);
    expect(shapeOf(await onlySpan())).toEqual(expected(path, undefined, path === "/empty" ? 204 : 200));
    expect(ownProperties(response)).toEqual([]);
    await response.arrayBuffer();
  });

  it('with endSpanOn: "headers"', async () => {
    undo = instrumentFetch({ endSpanOn: "headers" });
    const response = await fetch(`${server.url}/paced`);
    expect(shapeOf(await onlySpan())).toEqual(expected("/paced"));
    expect(ownProperties(response)).toEqual([]);
    expect(await response.text()).toBe(EVENTS);
  });
});

function ownProperties(value: object): PropertyKey[] {
  return Reflect.ownKeys(value).filter((key) => typeof key === "string");
}

it("returns the very response and adds no enumerable property to an event stream", async () => {
  let original: Response | undefined;
  const traced = wrapFetch(async (...args: Parameters<typeof fetch>) => (original = await fetch(...args)));
  const response = await traced(`${server.url}/paced`);
  expect(response).toBe(original);
  expect(Object.keys(response)).toEqual([]);
  expect(Object.keys(bodyOf(response))).toEqual([]);
  expect(response.bodyUsed).toBe(false);
  expect(bodyOf(response).locked).toBe(false);
  await response.text();
});

it("does not read ahead of the application", async () => {
  undo = instrumentFetch();
  sent = 0;
  const reader = bodyOf(await fetch(`${server.url}/flood`)).getReader();
  await reader.read();
  await (await fetch(`${server.url}/large`)).arrayBuffer();
  expect(sent).toBeLessThan(200);
  expect((await telemetry.ended(1)).map(shapeOf)).toEqual([expected("/large")]);
  await reader.cancel();
  expect((await telemetry.ended(2)).map(shapeOf)).toEqual([expected("/large"), expected("/flood")]);
});

describe("ends the span of an event stream at the time of its headers", () => {
  it("when it is never read", async () => {
    undo = instrumentFetch();
    const response = await fetch(`${server.url}/endless`);
    const headersArrived = now();
    const span = await onlySpan();
    expect(shapeOf(span)).toEqual(expected("/endless"));
    expect(endedBefore(span, headersArrived)).toBe(true);
    await response.body?.cancel();
  });

  it("when it is read by a method that is not observed", async () => {
    undo = instrumentFetch();
    const response = await fetch(`${server.url}/endless`);
    const headersArrived = now();
    const reader = ReadableStream.prototype.getReader.call(response.body);
    const span = await onlySpan(BEFORE_TIMEOUT_MS);
    expect(shapeOf(span)).toEqual(expected("/endless"));
    expect(endedBefore(span, headersArrived)).toBe(true);
    await reader.cancel();
  });

  // With a stream of our own: Node's connection holds on to a body for which bytes still come.
  it("when it is dropped in the middle", async () => {
    const traced = wrapFetch(async () => new Response(quietStream(), { headers: { "content-type": "text/event-stream" } }));
    let headersArrived = 0;
    await (async () => {
      const response = await traced(`${server.url}/dropped`);
      headersArrived = now();
      await bodyOf(response).getReader().read();
    })();
    await until(() => {
      globalThis.gc?.();
      return telemetry.own().length === 1;
    });
    const span = await onlySpan();
    expect(shapeOf(span)).toEqual(expected("/dropped"));
    expect(endedBefore(span, headersArrived)).toBe(true);
  });
});

it("ends the span of an unread stream where timers are numbers, as in browsers", async () => {
  const { setInterval: start } = globalThis;
  vi.stubGlobal("setInterval", (code: () => void, period: number) => Number(start(code, period)));
  undo = instrumentFetch();
  const response = await fetch(`${server.url}/endless`);
  expect(shapeOf(await onlySpan())).toEqual(expected("/endless"));
  await response.body?.cancel();
});

describe("where no timer outlives a request, as on Cloudflare Workers,", () => {
  beforeEach(() => void vi.stubGlobal("navigator", { userAgent: "Cloudflare-Workers" }));

  it.each(Object.entries(CONSUMERS).filter(([name]) => !name.includes("hands over")))(
    "follows a stream to its end: %s",
    async (_, consume) => {
      undo = instrumentFetch();
      expect(await consume(await fetch(`${server.url}/paced`))).toBe(EVENTS);
      const span = await onlySpan();
      expect(shapeOf(span)).toEqual(expected("/paced"));
      expect(milliseconds(span)).toBeGreaterThan(75);
    },
  );

  it("ends the span of a stream that is not read at once, and starts no timer", async () => {
    undo = instrumentFetch();
    const start = vi.spyOn(globalThis, "setInterval");
    const response = await fetch(`${server.url}/endless`);
    await new Promise((resolve) => setImmediate(resolve));
    expect(telemetry.own().map(shapeOf)).toEqual([expected("/endless")]);
    expect(start.mock.calls.map(([, period]) => period)).not.toContain(500);
    await response.body?.cancel();
  });
});
