import { EventEmitter } from "node:events";
import { Readable } from "node:stream";
import { SpanStatusCode } from "@opentelemetry/api";
import type { Options } from "got";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { sendInterceptedAttempt } from "../../src/clients/got/attempt.ts";
import { clientConfig } from "../../src/core/calls/client-config.ts";
import { startTelemetry } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";

// The order of events that a busy machine produces cannot be produced with a real server.

let telemetry: TestTelemetry;
beforeEach(() => void (telemetry = startTelemetry()));
afterEach(() => telemetry.stop());

interface Outcome {
  status: SpanStatusCode | undefined;
  errorType: unknown;
}

const failedWith = (errorType: string): Outcome => ({ status: SpanStatusCode.ERROR, errorType });
const CANCELLED: Outcome = { status: SpanStatusCode.UNSET, errorType: undefined };

async function outcome(): Promise<Outcome> {
  const [span] = await telemetry.ended(1);
  return { status: span?.status.code, errorType: span?.attributes["error.type"] };
}

/** A request of a promise in progress, which got or the application has destroyed. */
function destroyedRequest(options: object, socket: object): EventEmitter {
  const request = Object.assign(new EventEmitter(), { destroyed: true, writableEnded: false, socket });
  const traced = {
    config: clientConfig("wrapGot"),
    result: Promise.resolve(),
    redirectCount: 0,
    isRedirected: false,
    hasInner: false,
    latestCall: undefined,
  };
  const url = "http://agent.example/rpc";
  sendInterceptedAttempt(traced, { method: "POST", url, ...options } as unknown as Options, () => request, [url, { headers: {} }]);
  return request;
}

describe("a request that is closed in the middle of an upload", () => {
  const abortError = (cause?: unknown): Error =>
    Object.assign(new Error("The operation was aborted", cause === undefined ? {} : { cause }), { name: "AbortError" });

  async function outcomeOfUpload(errored: Error | null): Promise<Outcome> {
    const body = new Readable({ read: () => {} });
    Object.defineProperty(body, "errored", { value: errored });
    destroyedRequest({ body }, { readableEnded: false }).emit("close");
    return outcome();
  }

  it("fails with the connection's error if Node has destroyed the body after the connection failed", async () => {
    expect(await outcomeOfUpload(abortError())).toEqual(failedWith("ECONNRESET"));
  });

  it("fails with the body's error if the body has failed", async () => {
    expect(await outcomeOfUpload(Object.assign(new Error("no disk"), { code: "EIO" }))).toEqual(failedWith("EIO"));
  });

  it("fails with ERR_UPLOAD if the body has no error", async () => {
    expect(await outcomeOfUpload(null)).toEqual(failedWith("ERR_UPLOAD"));
  });

  it("is cancelled if the application has aborted the body", async () => {
    expect(await outcomeOfUpload(abortError(new Error("the user left")))).toEqual(CANCELLED);
  });
});

// The application may abort everything that belongs to a call when got rejects, which can be before the request emits its error.
describe("a request whose signal is aborted before it emits its error", () => {
  const hangUp = Object.assign(new Error("socket hang up"), { code: "ECONNRESET" });
  const systemError = (code: string): Error => Object.assign(new Error(`write ${code}`), { code, syscall: "write" });

  function outcomeOfError(error: unknown, socket: object): Promise<Outcome> {
    const request = destroyedRequest({ signal: AbortSignal.abort() }, socket);
    request.on("error", () => {});
    request.emit("error", error);
    return outcome();
  }

  it("has failed if its connection has failed", async () => {
    expect(await outcomeOfError(hangUp, { errored: systemError("ECONNRESET") })).toEqual(failedWith("ECONNRESET"));
  });

  it("has failed if the server has closed its connection", async () => {
    expect(await outcomeOfError(hangUp, { readableEnded: true })).toEqual(failedWith("ECONNRESET"));
  });

  it("has failed if the server has sent something that is not HTTP", async () => {
    expect(await outcomeOfError(Object.assign(new Error(), { code: "HPE_X" }), {})).toEqual(failedWith("HPE_X"));
  });

  it("is cancelled if its connection was destroyed on this side", async () => {
    expect(await outcomeOfError(hangUp, { readableEnded: false })).toEqual(CANCELLED);
  });

  it("is cancelled if its TLS connection was destroyed while it was writing", async () => {
    expect(await outcomeOfError(hangUp, { errored: systemError("ECANCELED") })).toEqual(CANCELLED);
  });

  it("is cancelled if its connection was never made", async () => {
    expect(await outcomeOfError(new Error("the session was closed"), {})).toEqual(CANCELLED);
  });
});
