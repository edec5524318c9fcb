import http from "node:http";
import { context, trace } from "@opentelemetry/api";
import { isTracingSuppressed } from "@opentelemetry/core";
import got from "got";
import type { Got, Options, Response } from "got";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
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

describe("wrapGot", () => {
  it("does not change the given instance, and returns an instance that is traced already as it is", () => {
    const before = got.defaults.handlers.length;
    const traced = wrapGot(got);
    expect(traced).not.toBe(got);
    expect(wrapGot(traced)).toBe(traced);
    expect(got.defaults.handlers).toHaveLength(before);
    expect(got.defaults.options.hooks.beforeRequest).toEqual([]);
    expect(traced.defaults.options.hooks.beforeRequest).toEqual([]);
  });

  it("returns the type of the given instance", () => {
    const traced: Got = wrapGot(got);
    const extended: Got = wrapGot(got.extend({ headers: { "x-a": "1" } }));
    expect(traced.stream).toBeInstanceOf(Function);
    expect(extended.paginate).toBeInstanceOf(Function);
  });

  const instances: Record<string, () => Got> = {
    "extended from a traced one": () => client.extend({ headers: { "x-a": "1" } }),
    "wrapped after it was extended": () => wrapGot(got.extend({ headers: { "x-a": "1" } })),
    "wrapped, extended and wrapped again": () => wrapGot(client.extend({ headers: { "x-a": "1" } })),
    "merged from two traced ones": () => client.extend(wrapGot(got.extend({ headers: { "x-a": "1" } }))),
    "merged with itself": () => client.extend(client, { headers: { "x-a": "1" } }),
    "untraced and merged with a traced one": () => got.extend(client, { headers: { "x-a": "1" } }),
  };
  it.each(Object.entries(instances))("traces each attempt of an instance once that is %s", async (_, make) => {
    busy = 1;
    const instance = make();
    await inSpan("agent", () => instance(`${server.url}/busy`, { retry }));
    await instance.stream(`${server.url}/redirect`).toArray();
    await telemetry.ended(4);
    expect(sent()).toEqual(issued());
    expect(server.values("x-a")).toEqual(["1"]);
  });

  it("keeps mutable defaults mutable and the others frozen", async () => {
    const mutable = wrapGot(got.extend({ mutableDefaults: true }));
    mutable.defaults.options.headers["x-token"] = "new";
    await mutable(`${server.url}/ok`);
    expect(server.values("x-token")).toEqual(["new"]);
    expect(mutable.defaults.mutableDefaults).toBe(true);
    expect(client.defaults.mutableDefaults).toBe(false);
    expect(() => (client.defaults.options.headers["x-token"] = "new")).toThrow(TypeError);
  });

  it.each([undefined, {}, () => {}])("throws for %s, which is not a got instance", (value) => {
    expect(() => wrapGot(value as never)).toThrow(/wrapGot: got must be a got instance/);
  });

  it("throws for an unknown option", () => {
    expect(() => wrapGot(got, { requesthook: () => {} } as never)).toThrow(TypeError);
  });
});

describe("the application's hooks", () => {
  it("run first: the span has their URL, and they find no traceparent", async () => {
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

  it("that return a response prevent an attempt", async () => {
    const beforeRequest = [() => ({ statusCode: 200, headers: {}, body: "made up", rawBody: new Uint8Array() }) as never];
    await client(`${server.url}/ok`, { hooks: { beforeRequest } }).catch(() => {});
    expect(telemetry.started()).toBe(0);
    expect(server.requests).toEqual([]);
  });

  it("that throw prevent an attempt", async () => {
    const beforeRequest = [
      () => {
        throw new Error("the application's hook");
      },
    ];
    await expect(client(`${server.url}/ok`, { hooks: { beforeRequest } })).rejects.toThrow("the application's hook");
    expect(telemetry.started()).toBe(0);
  });

  it("are the only hooks in the options of a response", async () => {
    const own = (): void => {};
    const { request } = await client(`${server.url}/ok`, { hooks: { beforeRequest: [own] } });
    const plain = await got(`${server.url}/ok`);
    expect(request.options.hooks.beforeRequest).toEqual([own]);
    expect(Object.keys(request.options)).toEqual(Object.keys(plain.request.options));
    expect(request.options.request).toBe(undefined);
  });

  it("are the only hooks that an afterResponse hook finds, after a retry and a redirect too", async () => {
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

  it("that a hook adds while the hooks run are run before the headers are determined", async () => {
    const added = (options: Pick<Options, "headers">): void => void (options.headers["traceparent"] = "added");
    const beforeRequest = [(options: Pick<Options, "hooks">) => void options.hooks.beforeRequest.push(added)];
    await client(`${server.url}/ok`, { hooks: { beforeRequest } });
    await telemetry.ended(1);
    expect(sent()).toEqual(issued());
  });

  it("and handlers run in their order, and frozen options that are used again are not changed", async () => {
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

  it("and a handler that returns one promise to many callers add no listeners", async () => {
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

  it("and asynchronous handlers work outside of ours and inside", async () => {
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

describe("a request function of the application's", () => {
  it("receives the headers, and its request is observed", async () => {
    const request = ((url: URL, options: http.RequestOptions, callback: never) => http.request(url, options, callback)) as never;
    expect(await client(`${server.url}/ok`, { request }).text()).toBe("hello");
    await telemetry.ended(1);
    expect(sent()).toEqual(issued());
  });

  it("may be asynchronous", async () => {
    const request = (async (url: URL, options: http.RequestOptions) => http.request(url, options)) as never;
    expect(await client(`${server.url}/ok`, { request }).text()).toBe("hello");
    await telemetry.ended(1);
    expect(sent()).toEqual(issued());
  });

  it.skipIf(!("query" in got))("may throw a value that is not an error", async () => {
    const request = (() => {
      throw undefined;
    }) as never;
    await expect(client(`${server.url}/ok`, { request, retry: { limit: 0 } })).rejects.toThrow(/undefined/);
    expect((await telemetry.ended(1))[0]?.attributes["error.type"]).toBe("_OTHER");
  });

  it("that throws ends the span with its error", async () => {
    const request = (() => {
      throw Object.assign(new Error("no request"), { code: "ENOREQUEST" });
    }) as never;
    await expect(client(`${server.url}/ok`, { request, retry: { limit: 0 } })).rejects.toThrow("no request");
    expect((await telemetry.ended(1))[0]?.attributes["error.type"]).toBe("ENOREQUEST");
  });
});

describe("the application's code", () => {
  it("is not suppressed, and has the application's span active, in each callback", async () => {
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

it("passes got's options and got's response to the hooks of the package", async () => {
  const requests: unknown[] = [];
  const responses: unknown[] = [];
  const traced = wrapGot(got, {
    requestHook: (_, { method, url }) => requests.push({ method, url: String(url) }),
    responseHook: (_, { request: { method }, response: { statusCode, url, requestUrl, retryCount } }) =>
      responses.push({ method, statusCode, url, requestUrl: requestUrl.href, retryCount }),
  });
  const url = `${server.url}/ok`;
  await traced(url);
  expect(requests).toEqual([{ method: "GET", url }]);
  expect(responses).toEqual([{ method: "GET", statusCode: 200, url, requestUrl: url, retryCount: 0 }]);
});
