import http from "node:http";
import { context, trace } from "@opentelemetry/api";
import { isTracingSuppressed } from "@opentelemetry/core";
import got from "got";
import type { Got, Options, Response } from "got";
import { afterAll, afterEach, beforeAll, beforeEach, describe as group, expect, test } from "vitest";
import { wrapGot } from "../../src/got.ts";
import { ROUTES, serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { inSpan, startTelemetry, traceparentOf } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";

let telemetry: TestTelemetry;
let server: TestServer;
let busy = 0;

beforeAll(async () => {
  server = await serve({
    ...ROUTES,
    "/busy": (_, response) => void response.writeHead(busy-- > 0 ? 503 : 200).end("at last"),
  });
});
afterAll(() => server.close());
beforeEach(() => {
  telemetry = startTelemetry();
  server.requests.length = 0;
});
afterEach(() => telemetry.stop());

const client = wrapGot(got);
const retry = { limit: 2, calculateDelay: ({ computedValue }: { computedValue: number }) => (computedValue > 0 ? 1 : 0) };
const sent = (): string[][] => server.requests.map((request) => server.values("traceparent", request));
const issued = (): string[][] => telemetry.own().map((span) => [traceparentOf(span)]);

group("instances", () => {
  test("the given one is not changed, and one that is wrapped is returned as it is", () => {
    const before = got.defaults.handlers.length;
    const traced = wrapGot(got);
    expect(traced).not.toBe(got);
    expect(wrapGot(traced)).toBe(traced);
    expect(got.defaults.handlers).toHaveLength(before);
    expect(got.defaults.options.hooks.beforeRequest).toEqual([]);
    expect(traced.defaults.options.hooks.beforeRequest).toEqual([]);
  });

  test("can be assigned to Got without a cast, extended ones too", () => {
    const traced: Got = wrapGot(got);
    const extended: Got = wrapGot(got.extend({ headers: { "x-a": "1" } }));
    expect([typeof traced.stream, typeof extended.paginate]).toEqual(["function", "function"]);
  });

  const instances: Record<string, () => Got> = {
    "extended from a wrapped one": () => client.extend({ headers: { "x-a": "1" } }),
    "wrapped after it was extended": () => wrapGot(got.extend({ headers: { "x-a": "1" } })),
    "wrapped, extended and wrapped again": () => wrapGot(client.extend({ headers: { "x-a": "1" } })),
    "merged from two wrapped ones": () => client.extend(wrapGot(got.extend({ headers: { "x-a": "1" } }))),
    "merged with itself": () => client.extend(client, { headers: { "x-a": "1" } }),
    "an own one that is merged with a wrapped one": () => got.extend(client, { headers: { "x-a": "1" } }),
  };
  test.each(Object.entries(instances))("%s trace each attempt once", async (_, make) => {
    busy = 1;
    const instance = make();
    await inSpan("agent", () => instance(`${server.url}/busy`, { retry }));
    await instance.stream(`${server.url}/redirect`).toArray();
    await telemetry.ended(4);
    expect(sent()).toEqual(issued());
    expect(server.values("x-a")).toEqual(["1"]);
  });

  test("mutable defaults stay mutable, and the others frozen", async () => {
    const mutable = wrapGot(got.extend({ mutableDefaults: true }));
    mutable.defaults.options.headers["x-token"] = "new";
    await mutable(`${server.url}/ok`);
    expect(server.values("x-token")).toEqual(["new"]);
    expect([mutable.defaults.mutableDefaults, client.defaults.mutableDefaults]).toEqual([true, false]);
    expect(() => (client.defaults.options.headers["x-token"] = "new")).toThrow(TypeError);
  });

  test.each([undefined, {}, () => {}])("%s is refused", (value) => {
    expect(() => wrapGot(value as never)).toThrow(/wrapGot: got must be a got instance/);
  });

  test("an unknown option is refused", () => {
    expect(() => wrapGot(got, { requesthook: () => {} } as never)).toThrow(TypeError);
  });
});

group("the application's hooks", () => {
  test("of the instance and of the call run first: their URL and headers are the span's, and they see none of ours", async () => {
    const seen: unknown[] = [];
    const note = (options: Pick<Options, "headers">): void => void seen.push(options.headers["traceparent"]);
    const traced = client.extend({
      headers: { "x-a": "1" },
      hooks: {
        beforeRequest: [(options) => void (options.url = new URL(`${server.url}/busy`))],
        beforeRetry: [(error) => note(error.options)],
        beforeRedirect: [note],
      },
    });
    busy = 1;
    const beforeRequest = [
      (options: Pick<Options, "headers">) => {
        note(options);
        options.headers["x-b"] = "2";
      },
    ];
    const response = await traced(`${server.url}/ok`, { retry, hooks: { beforeRequest } });
    note(response.request.options);
    const spans = await telemetry.ended(2);
    expect(spans.map((span) => span.attributes["url.full"])).toEqual([`${server.url}/busy`, `${server.url}/busy`]);
    expect(server.values("x-b")).toEqual(["2"]);
    expect(seen).toEqual([undefined, undefined, undefined, undefined]);
    expect(sent()).toEqual(issued());
  });

  test("that answer by themselves make no attempt", async () => {
    const beforeRequest = [() => ({ statusCode: 200, headers: {}, body: "made up", rawBody: new Uint8Array() }) as never];
    await client(`${server.url}/ok`, { hooks: { beforeRequest } }).catch(() => {});
    expect(telemetry.started()).toBe(0);
    expect(server.requests).toEqual([]);
  });

  test("that throw make no attempt", async () => {
    const beforeRequest = [
      () => {
        throw new Error("a hook of the user's");
      },
    ];
    await expect(client(`${server.url}/ok`, { hooks: { beforeRequest } })).rejects.toThrow("a hook of the user's");
    expect(telemetry.started()).toBe(0);
  });

  test("are all that the options of a response have", async () => {
    const own = (): void => {};
    const { request } = await client(`${server.url}/ok`, { hooks: { beforeRequest: [own] } });
    const plain = await got(`${server.url}/ok`);
    expect(request.options.hooks.beforeRequest).toEqual([own]);
    expect(Object.keys(request.options)).toEqual(Object.keys(plain.request.options));
    expect(request.options.request).toBe(undefined);
  });

  test("of an earlier attempt, of a retry and of a redirect are all that an afterResponse hook finds", async () => {
    busy = 1;
    const own = (): void => {};
    const found: unknown[] = [];
    const note = (response: Response): Response => {
      found.push(response.request.options.hooks.beforeRequest);
      return response;
    };
    const hooks = { beforeRequest: [own], afterResponse: [note] };
    await client(`${server.url}/busy`, { retry, hooks });
    await client(`${server.url}/redirect`, { hooks });
    expect(found).toEqual([[own], [own], [own]]);
  });

  test("that one of them adds while they run are run before ours", async () => {
    const added = (options: Pick<Options, "headers">): void => void (options.headers["traceparent"] = "added");
    const beforeRequest = [(options: Pick<Options, "hooks">) => void options.hooks.beforeRequest.push(added)];
    await client(`${server.url}/ok`, { hooks: { beforeRequest } });
    await telemetry.ended(1);
    expect(sent()).toEqual(issued());
  });

  test("and handlers run in their order, and options that are frozen or used again are not changed", async () => {
    const order: string[] = [];
    const options = Object.freeze({
      headers: Object.freeze({ "x-a": "1" }),
      hooks: Object.freeze({ beforeRequest: Object.freeze([() => void order.push("before")]) as never }),
    });
    const traced = wrapGot(got.extend({ handlers: [(given, next) => (order.push("outer"), next(given))] })).extend({
      handlers: [(given, next) => (order.push("inner"), next(given))],
    });
    await traced(`${server.url}/ok`, options);
    await traced(`${server.url}/ok`, options);
    expect(order).toEqual(["outer", "inner", "before", "outer", "inner", "before"]);
    expect(options.hooks.beforeRequest).toHaveLength(1);
    expect(new Set(server.requests.map((request) => request.rawHeaders.length)).size).toBe(1);
  });

  test("and handlers may answer many callers with one promise", async () => {
    const warnings: string[] = [];
    const warn = (warning: Error): void => void warnings.push(warning.message);
    process.on("warning", warn);
    let shared: unknown;
    const deduplicating = client.extend({ handlers: [(options, next) => (shared ??= next(options)) as never] });
    const responses = await Promise.all(Array.from({ length: 20 }, () => deduplicating(`${server.url}/ok`)));
    expect(new Set(responses).size).toBe(1);
    await new Promise(setImmediate);
    expect(warnings).toEqual([]);
    process.off("warning", warn);
    expect(await telemetry.ended(1)).toHaveLength(1);
  });

  test("and asynchronous handlers, after ours and before", async () => {
    const slow = got.extend({
      handlers: [
        async (options, next) => {
          await new Promise((resolve) => setTimeout(resolve, 5));
          return next(options);
        },
      ],
    });
    expect(await wrapGot(slow)(`${server.url}/json`).json()).toEqual({ answer: 42 });
    expect(await client.extend(slow)(`${server.url}/json`).json()).toEqual({ answer: 42 });
    expect(await telemetry.ended(2)).toHaveLength(2);
  });
});

group("a request function of the application's own", () => {
  test("gets the headers, and its request is followed", async () => {
    const request = ((url: URL, options: http.RequestOptions, callback: never) => http.request(url, options, callback)) as never;
    expect(await client(`${server.url}/ok`, { request }).text()).toBe("hello");
    await telemetry.ended(1);
    expect(sent()).toEqual(issued());
  });

  test("may be asynchronous", async () => {
    const request = (async (url: URL, options: http.RequestOptions) => http.request(url, options)) as never;
    expect(await client(`${server.url}/ok`, { request }).text()).toBe("hello");
    await telemetry.ended(1);
    expect(sent()).toEqual(issued());
  });

  test.skipIf(!("query" in got))("may throw what is no error", async () => {
    const request = (() => {
      throw undefined;
    }) as never;
    await expect(client(`${server.url}/ok`, { request, retry: { limit: 0 } })).rejects.toThrow(/undefined/);
    expect((await telemetry.ended(1))[0]?.attributes["error.type"]).toBe("_OTHER");
  });

  test("that throws fails the call, with a span", async () => {
    const request = (() => {
      throw Object.assign(new Error("no request"), { code: "ENOREQUEST" });
    }) as never;
    await expect(client(`${server.url}/ok`, { request, retry: { limit: 0 } })).rejects.toThrow("no request");
    expect((await telemetry.ended(1))[0]?.attributes["error.type"]).toBe("ENOREQUEST");
  });
});

group("the application's own code", () => {
  test("is never suppressed, and has its own span active, in each callback", async () => {
    const seen = new Map<string, unknown>();
    const note = (where: string): void => {
      const active = trace.getSpan(context.active()) as { name?: string } | undefined;
      seen.set(where, isTracingSuppressed(context.active()) ? "suppressed" : active?.name);
    };
    async function* body(): AsyncGenerator<string> {
      note("body");
      yield "a";
      await new Promise((resolve) => setTimeout(resolve, 5));
      note("rest of the body");
      yield "b";
    }
    busy = 1;
    const hook = (where: string) => (): void => note(where);
    await inSpan("agent", async () => {
      const promise = client.post(`${server.url}/redirect-307`, {
        json: { a: 1 },
        hooks: {
          beforeRequest: [hook("beforeRequest")],
          beforeRedirect: [hook("beforeRedirect")],
          afterResponse: [(response) => (note("afterResponse"), response)],
        },
      });
      for (const event of ["request", "response", "redirect", "uploadProgress", "downloadProgress"]) {
        void promise.on(event as "request", () => note(event));
      }
      await promise;
      await client(`${server.url}/busy`, { retry, hooks: { beforeRetry: [hook("beforeRetry")] } });
      await client.post(`${server.url}/echo`, { body: body() });
      const stream = client.stream(`${server.url}/large`);
      stream.on("data", () => note("data"));
      await new Promise((resolve) => stream.once("end", resolve));
    });
    const places =
      "beforeRequest request uploadProgress beforeRedirect redirect downloadProgress response afterResponse beforeRetry body";
    const expected = [...places.split(" "), "rest of the body", "data"].map((where) => [where, "agent"]);
    expect(Object.fromEntries(seen)).toEqual(Object.fromEntries(expected));
  });
});

test("the hooks of the package see got's options and got's response", async () => {
  const seen: unknown[] = [];
  const traced = wrapGot(got, {
    requestHook: (_, request) => void seen.push(request.method, String(request.url)),
    responseHook: (_, { request, response }) =>
      void seen.push(request.method, response.statusCode, response.url, response.requestUrl.href, response.retryCount),
  });
  await traced(`${server.url}/ok`);
  const url = `${server.url}/ok`;
  expect(seen).toEqual(["GET", url, "GET", 200, url, url, 0]);
});
