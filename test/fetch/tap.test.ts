import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { activeCalls } from "../../src/core/calls/active-calls.ts";
import { instrumentFetch, wrapFetch } from "../../src/fetch.ts";
import { ROUTES, serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { shapeOf, startTelemetry, traceparentOf, until } from "../support/telemetry.ts";
import type { SpanShape, TestTelemetry } from "../support/telemetry.ts";
import { bothWays, errorShape } from "./control.ts";

// A platform without channels, as the library knows it; it looks when fetch is first instrumented.
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
  activeCalls.length = 0;
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

/** One event, and then nothing more. */
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

describe("an event stream's span ends when the stream has been read by", () => {
  test.each(Object.entries(CONSUMERS))("%s", async (_, consume) => {
    const { plain, traced } = await bothWays(async () => consume(await fetch(`${server.url}/paced`)));
    expect(plain).toEqual({ value: EVENTS });
    expect(traced).toEqual({ value: EVENTS });
    const span = await onlySpan();
    expect(shapeOf(span)).toEqual(expected("/paced"));
    expect(server.values("traceparent")).toEqual([traceparentOf(span)]);
    expect(milliseconds(span)).toBeGreaterThan(75);
  });

  test.each(["json", "formData"] as const)("%s(), which cannot parse it", async (name) => {
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
delete CUT["one branch of tee, the other cancelled"]; // whose cancel() is never settled

describe("an event stream that is cut fails the span, and the application as it does without us, when read by", () => {
  test.each(Object.entries(CUT))("%s", async (_, consume) => {
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
    setTimeout(() => abort.abort(), 30);
    return drain(bodyOf(response));
  },
  "an abort with a reason, during text()": async (response, abort) => {
    setTimeout(() => abort.abort(new RangeError("enough")), 30);
    return response.text();
  },
};

describe("an event stream that the application gives up ends its span, and is no error, by", () => {
  test.each(Object.entries(CANCELS))("%s", async (_, cancel) => {
    const { plain, traced } = await bothWays(async () => {
      const abort = new AbortController();
      return cancel(await fetch(`${server.url}/endless`, { signal: abort.signal }), abort);
    });
    expect(errorShape(traced.error)).toEqual(errorShape(plain.error));
    const span = await onlySpan(400);
    expect(shapeOf(span)).toEqual(expected("/endless"));
  });

  test("nothing else: a cancel or a pipe that the stream refuses, since it is locked, changes nothing", async () => {
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

test("a timeout while events come is an error", async () => {
  undo = instrumentFetch();
  const response = await fetch(`${server.url}/endless`, { signal: AbortSignal.timeout(100) });
  await expect(drain(bodyOf(response))).rejects.toThrow("timeout");
  expect(shapeOf(await onlySpan())).toEqual(expected("/endless", "TimeoutError"));
});

test("a stream with an error status keeps its error.type to the end", async () => {
  undo = instrumentFetch();
  expect(await (await fetch(`${server.url}/failed-events`)).text()).toBe("data: x\n\n");
  expect(shapeOf(await onlySpan())).toEqual(expected("/failed-events", "500", 500));
});

describe("a span ends with the headers, with nothing put on the response,", () => {
  test.each(["/json", "/ok", "/empty", "/large"])("of what is no event stream: %s", async (path) => {
    undo = instrumentFetch();
    const response = await fetch(`${server.url}${path}`);
    expect(shapeOf(await onlySpan())).toEqual(expected(path, undefined, path === "/empty" ? 204 : 200));
    expect(ownProperties(response)).toEqual([]);
    await response.arrayBuffer();
  });

  test('with endSpanOn: "headers"', async () => {
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

test("the caller gets the very response, and nothing that is enumerated is put on an event stream's", async () => {
  let original: Response | undefined;
  const traced = wrapFetch(async (...args: Parameters<typeof fetch>) => (original = await fetch(...args)));
  const response = await traced(`${server.url}/paced`);
  expect(response).toBe(original);
  expect([Object.keys(response), Object.keys(bodyOf(response)), response.bodyUsed, bodyOf(response).locked]).toEqual([
    [],
    [],
    false,
    false,
  ]);
  await response.text();
});

test("nothing is read ahead of the application", async () => {
  undo = instrumentFetch();
  sent = 0;
  const reader = bodyOf(await fetch(`${server.url}/flood`)).getReader();
  await reader.read();
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(sent).toBeLessThan(200);
  await reader.cancel();
  expect(shapeOf(await onlySpan())).toEqual(expected("/flood"));
});

describe("an event stream that nobody can be seen to read ends its span with the time of its headers:", () => {
  test("one that is never read", async () => {
    undo = instrumentFetch();
    const response = await fetch(`${server.url}/endless`);
    const span = await onlySpan();
    expect(shapeOf(span)).toEqual(expected("/endless"));
    expect(milliseconds(span)).toBeLessThan(500);
    await response.body?.cancel();
  });

  test("one that is read behind our back", async () => {
    undo = instrumentFetch();
    const response = await fetch(`${server.url}/endless`);
    const reader = ReadableStream.prototype.getReader.call(response.body);
    const span = await onlySpan(1500);
    expect(shapeOf(span)).toEqual(expected("/endless"));
    expect(milliseconds(span)).toBeLessThan(500);
    await reader.cancel();
  });

  // With a stream of our own: Node's connection holds on to a body for which bytes still come.
  test("one that is dropped in the middle", async () => {
    const traced = wrapFetch(async () => new Response(quietStream(), { headers: { "content-type": "text/event-stream" } }));
    await (async () => {
      await bodyOf(await traced(`${server.url}/dropped`))
        .getReader()
        .read();
    })();
    await until(() => {
      globalThis.gc?.();
      return telemetry.own().length === 1;
    });
    const span = await onlySpan();
    expect(shapeOf(span)).toEqual(expected("/dropped"));
    expect(milliseconds(span)).toBeLessThan(500);
  });
});

test("where timers are numbers, as in browsers, an unread stream ends its span too", async () => {
  const { setInterval: start } = globalThis;
  vi.stubGlobal("setInterval", (code: () => void, period: number) => Number(start(code, period)));
  undo = instrumentFetch();
  const response = await fetch(`${server.url}/endless`);
  expect(shapeOf(await onlySpan())).toEqual(expected("/endless"));
  await response.body?.cancel();
});

describe("where no timer outlives a request, as on Cloudflare,", () => {
  beforeEach(() => void vi.stubGlobal("navigator", { userAgent: "Cloudflare-Workers" }));

  test.each(Object.entries(CONSUMERS).filter(([name]) => !name.includes("hands over")))(
    "a stream is followed: %s",
    async (_, consume) => {
      undo = instrumentFetch();
      expect(await consume(await fetch(`${server.url}/paced`))).toBe(EVENTS);
      const span = await onlySpan();
      expect(shapeOf(span)).toEqual(expected("/paced"));
      expect(milliseconds(span)).toBeGreaterThan(75);
    },
  );

  test("a stream that is not read as soon as it came ends its span at once, and starts no timer", async () => {
    undo = instrumentFetch();
    const start = vi.spyOn(globalThis, "setInterval");
    const response = await fetch(`${server.url}/endless`);
    await new Promise((resolve) => setImmediate(resolve));
    expect(telemetry.own().map(shapeOf)).toEqual([expected("/endless")]);
    expect(start.mock.calls.map(([, period]) => period)).not.toContain(500);
    await response.body?.cancel();
  });
});
