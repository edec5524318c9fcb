import http from "node:http";
import { Readable } from "node:stream";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import nodeFetch from "node-fetch";
import axios from "axios";
import got from "got";
import { Agent, fetch as undiciFetch, request as undiciRequest, upgrade } from "undici";
import { activeCalls } from "../../src/core/calls/active-calls.ts";
import { instrumentNode } from "../../src/node.ts";
import { cancelled, failed, failedByStatus, millisecondsOf, onlyOutcome, outcomeOf, succeeded } from "../support/outcome.ts";
import type { Outcome } from "../support/outcome.ts";
import { ROUTES, listen, serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { startTelemetry } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { httpGet } from "./clients.ts";

let server: TestServer;
beforeAll(async () => {
  server = await serve({
    ...ROUTES,
    "/slow-body": (_, response) => {
      response.writeHead(200).write("first ");
      setTimeout(() => response.end("last"), 100);
    },
    "/hints": (_, response) => {
      response.writeEarlyHints({ link: "</style.css>; rel=preload" });
      response.end("hello");
    },
  });
  server.server.on("upgrade", (_request, socket) => {
    socket.on("error", () => {});
    socket.end("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n");
  });
});
afterAll(() => server.close());

let telemetry: TestTelemetry;
let undo: () => void;
beforeEach(() => {
  telemetry = startTelemetry();
  undo = instrumentNode();
});
afterEach(async () => {
  await telemetry.settled().catch(() => {});
  const open = activeCalls.splice(0).length;
  undo();
  await telemetry.stop();
  expect(open).toBe(0);
});

const outcome = (): Promise<Outcome> => onlyOutcome(telemetry);
const text = async (response: Promise<{ text(): Promise<string> }>): Promise<string> => (await response).text();

/** Requests that read a whole response, by transport. */
const READERS: Readonly<Record<string, (url: string) => Promise<string>>> = {
  fetch: (url) => text(fetch(url)),
  "undici.request": async (url) => (await undiciRequest(url)).body.text(),
  "http.get": (url) => httpGet(url),
};

describe.each(Object.entries(READERS))("a request of %s", (name, read) => {
  it("ends its span with the last byte of the body", async () => {
    expect(await read(`${server.url}/slow-body`)).toBe("first last");
    const [span] = await telemetry.ended(1);
    expect(outcomeOf(span!)).toEqual(succeeded());
    expect(millisecondsOf(span!)).toBeGreaterThan(90);
  });

  it("records an error status as the error", async () => {
    await read(`${server.url}/broken`);
    expect(await outcome()).toEqual(failedByStatus(500));
  });

  it("records a response without a body", async () => {
    await read(`${server.url}/empty`);
    expect(await outcome()).toEqual(succeeded(204));
  });

  it("records the final status after an informational response", async () => {
    await read(`${server.url}/hints`);
    expect(await outcome()).toEqual(succeeded());
  });

  it("records a body that is cut off as an error", async () => {
    await expect(read(`${server.url}/cut`)).rejects.toBeInstanceOf(Error);
    expect(await outcome()).toEqual(failed(name === "http.get" ? "ECONNRESET" : "UND_ERR_SOCKET", 200));
  });

  it("records a connection that is reset before the response", async () => {
    await expect(read(`${server.url}/reset`)).rejects.toBeInstanceOf(Error);
    expect(await outcome()).toEqual(failed("ECONNRESET"));
  });

  it("records a refused connection", async () => {
    const closed = await listen(() => {});
    await closed.close();
    await expect(read(closed.url)).rejects.toBeInstanceOf(Error);
    expect(await outcome()).toEqual(failed("ECONNREFUSED"));
  });
});

describe("a fetch", () => {
  it("that is aborted is no error", async () => {
    const controller = new AbortController();
    const aborted = fetch(`${server.url}/stall`, { signal: controller.signal });
    setTimeout(() => controller.abort(), 20);
    await expect(aborted).rejects.toBeInstanceOf(Error);
    expect(await outcome()).toEqual(cancelled());
  });

  it("that is aborted with a reason of the application is no error", async () => {
    const controller = new AbortController();
    const aborted = fetch(`${server.url}/stall`, { signal: controller.signal });
    setTimeout(() => controller.abort(new Error("enough")), 50);
    await expect(aborted).rejects.toThrow("enough");
    expect(await outcome()).toEqual(cancelled());
  });

  it("that times out is an error", async () => {
    await expect(fetch(`${server.url}/stall`, { signal: AbortSignal.timeout(20) })).rejects.toBeInstanceOf(Error);
    expect(await outcome()).toEqual(failed("TimeoutError"));
  });

  it("whose upload fails is an error", async () => {
    const body = new ReadableStream({
      start(controller) {
        setTimeout(() => controller.error(new RangeError("no more")), 20);
      },
    });
    await expect(fetch(`${server.url}/echo`, { method: "POST", body, duplex: "half" } as RequestInit)).rejects.toBeInstanceOf(
      Error,
    );
    expect(await outcome()).toEqual(failed("RangeError"));
  });

  it("whose stream is cancelled is no error", async () => {
    const response = await fetch(`${server.url}/endless`);
    await response.body!.cancel();
    expect(await outcome()).toEqual(cancelled(200));
  });
});

/** Gives up a response of any client, so that the server can be closed. */
function release(response: unknown): void {
  if (response instanceof http.IncomingMessage) response.destroy();
  const { body } = response as { body?: unknown };
  if (body instanceof ReadableStream) body.cancel().catch(() => {});
  else if (body instanceof Readable) body.destroy();
}

describe("a large response that is not read ends its span at the time of the headers, with", () => {
  let kept: unknown;
  afterEach(() => void (kept = undefined));

  it.each<[string, (url: string) => Promise<unknown>]>([
    ["fetch", (url) => fetch(url)],
    ["the fetch of undici", (url) => undiciFetch(url)],
    ["a dispatcher of undici", (url) => undiciRequest(url, { dispatcher: new Agent() })],
    ["http.get", (url) => new Promise((resolve) => http.get(url, resolve))],
    ["node-fetch", (url) => nodeFetch(url)],
  ])(
    "%s",
    async (_, request) => {
      kept = await request(`${server.url}/large`);
      const [span] = await telemetry.ended(1, 8000);
      expect(outcomeOf(span!)).toEqual(succeeded());
      expect(millisecondsOf(span!)).toBeLessThan(2500);
      expect(kept).toBeDefined();
      release(kept);
    },
    20_000,
  );
});

describe("a request of node:http", () => {
  it("whose response has no listener ends its span when Node has dropped the body", async () => {
    http.get(`${server.url}/ok`);
    expect(await outcome()).toEqual(succeeded());
  });

  it("that is destroyed is no error", async () => {
    const request = http.get(`${server.url}/stall`).on("error", () => {});
    setTimeout(() => request.destroy(), 20);
    expect(await outcome()).toEqual(cancelled());
  });

  it("that is destroyed before it has a socket is no error", async () => {
    http
      .get(`${server.url}/stall`)
      .on("error", () => {})
      .destroy();
    expect(await outcome()).toEqual(cancelled());
  });

  it("that is aborted by a signal is no error", async () => {
    const controller = new AbortController();
    http.get(`${server.url}/stall`, { signal: controller.signal }).on("error", () => {});
    setTimeout(() => controller.abort(new Error("enough")), 20);
    expect(await outcome()).toEqual(cancelled());
  });

  it("that is destroyed with an error is an error", async () => {
    const request = http.get(`${server.url}/stall`).on("error", () => {});
    setTimeout(() => request.destroy(new RangeError("no more")), 20);
    expect(await outcome()).toEqual(failed("RangeError"));
  });

  it("that is destroyed because of its timeout is an error", async () => {
    const request = http.get(`${server.url}/stall`, { timeout: 20 }).on("error", () => {});
    request.on("timeout", () => request.destroy());
    expect(await outcome()).toEqual(failed("ECONNRESET"));
  });

  it("whose body times out is an error", async () => {
    const request = http.get(`${server.url}/cut`, { timeout: 5 }, (response) => response.resume().on("error", () => {}));
    request.on("error", () => {}).on("timeout", () => request.destroy());
    expect(await outcome()).toEqual(failed("ECONNRESET", 200));
  });

  it("that a signal's timeout aborts is an error", async () => {
    http.get(`${server.url}/stall`, { signal: AbortSignal.timeout(20) }).on("error", () => {});
    expect(await outcome()).toEqual(failed("TimeoutError"));
  });

  it("whose response is destroyed is no error", async () => {
    http.get(`${server.url}/large`, (response) => response.once("data", () => response.destroy()));
    expect(await outcome()).toEqual(cancelled(200));
  });

  it("whose response is left in a loop is no error", async () => {
    const response = await new Promise<http.IncomingMessage>((resolve) => http.get(`${server.url}/endless`, resolve));
    for await (const _ of response) break;
    expect(await outcome()).toEqual(cancelled(200));
  });

  it("does not hide an error that the application does not handle", () => {
    const request = http.get(`${server.url}/reset`);
    expect(request.listenerCount("error")).toBe(0);
    request.on("error", () => {}).destroy();
  });

  it.each([
    ["axios", (url: string) => axios.get(url, { timeout: 20 }), "ECONNABORTED"],
    ["got", (url: string) => got(url, { timeout: { request: 20 }, retry: { limit: 0 } }), "ETIMEDOUT"],
  ])("that %s gives up is a timeout", async (_, request, type) => {
    await expect(request(`${server.url}/stall`)).rejects.toBeInstanceOf(Error);
    expect(await outcome()).toEqual(failed(type));
  });

  it("that axios cancels is no error", async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 20);
    await expect(axios.get(`${server.url}/stall`, { signal: controller.signal })).rejects.toBeInstanceOf(Error);
    expect(await outcome()).toEqual(cancelled());
  });
});

describe("an upgraded connection ends its span with the handshake", () => {
  it("of node:http", async () => {
    const headers = { connection: "Upgrade", upgrade: "test" };
    http.get(`${server.url}/`, { headers }).on("upgrade", (_response, socket) => socket.destroy());
    expect(await outcome()).toEqual(succeeded(101));
  });

  it("of undici", async () => {
    const { socket } = await upgrade(`${server.url}/`, { protocol: "test" });
    socket.destroy();
    expect(await outcome()).toEqual(succeeded(101));
  });
});
