import { EventEmitter } from "node:events";
import { Readable } from "node:stream";
import { SpanStatusCode } from "@opentelemetry/api";
import type { Options } from "got";
import { afterEach, beforeEach, expect, test } from "vitest";
import { clientConfig } from "../../src/core/calls/client-config.ts";
import { startCall } from "../../src/core/calls/start-call.ts";
import { send } from "../../src/clients/got/attempt.ts";
import { shapeOf, startTelemetry } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";

let telemetry: TestTelemetry;
beforeEach(() => void (telemetry = startTelemetry()));
afterEach(() => telemetry.stop());

const abortError = (cause?: unknown): Error =>
  Object.assign(new Error("The operation was aborted", cause === undefined ? {} : { cause }), { name: "AbortError" });

// What a busy machine brings about: Node has destroyed the request, and its pipeline the upload, before anybody is told why.
test.each<[string, Error | undefined, SpanStatusCode, string | undefined]>([
  ["that Node has cleaned up: the failure is what counts", abortError(), SpanStatusCode.ERROR, "ECONNRESET"],
  ["that failed: its error is what counts", Object.assign(new Error("no disk"), { code: "EIO" }), SpanStatusCode.ERROR, "EIO"],
  ["that is whole so far", undefined, SpanStatusCode.ERROR, "ERR_UPLOAD"],
  ["that the application has aborted", abortError(new Error("the user left")), SpanStatusCode.UNSET, undefined],
])("a request that is closed in the middle of an upload %s", async (_, errored, status, type) => {
  const body = new Readable({ read: () => {} });
  Object.defineProperty(body, "errored", { value: errored ?? null });
  sent({ body }, { readableEnded: false }).emit("close");
  expect(await end()).toEqual([status, type]);
});

const HANG_UP = Object.assign(new Error("socket hang up"), { code: "ECONNRESET" });
const ofSystem = (code: string): Error => Object.assign(new Error(`write ${code}`), { code, syscall: "write" });

// The application gives up all that belongs to a call as soon as got has told of its failure, which can be before its request does.
test.each<[string, object, unknown, SpanStatusCode, string | undefined]>([
  ["of a connection that has failed", { errored: ofSystem("ECONNRESET") }, HANG_UP, SpanStatusCode.ERROR, "ECONNRESET"],
  ["of a connection that the server has closed", { readableEnded: true }, HANG_UP, SpanStatusCode.ERROR, "ECONNRESET"],
  ["of a connection that was destroyed on this side", { readableEnded: false }, HANG_UP, SpanStatusCode.UNSET, undefined],
  ["of one on TLS that was destroyed while it wrote", { errored: ofSystem("ECANCELED") }, HANG_UP, SpanStatusCode.UNSET, undefined],
  ["of a connection that was never made", {}, new Error("the session was closed"), SpanStatusCode.UNSET, undefined],
  ["of a server that speaks no HTTP", {}, Object.assign(new Error(), { code: "HPE_X" }), SpanStatusCode.ERROR, "HPE_X"],
])("a request %s, and whose signal is aborted by now", async (_, socket, error, status, type) => {
  const request = sent({ signal: AbortSignal.abort() }, socket);
  request.on("error", () => {});
  request.emit("error", error);
  expect(await end()).toEqual([status, type]);
});

/** A request that has been destroyed, of a call that is under way. */
function sent(options: object, socket: object): EventEmitter {
  const config = clientConfig("wrapGot");
  const call = startCall(config, "POST", "http://agent.example/rpc", undefined, undefined)!;
  const request = Object.assign(new EventEmitter(), { destroyed: true, writableEnded: false, socket });
  send(config, call, options as Options, () => request, [], { result: Promise.resolve(), redirects: 0, isRedirecting: false });
  return request;
}

async function end(): Promise<unknown[]> {
  await telemetry.ended(1);
  const { status, attributes } = shapeOf(telemetry.own()[0]!);
  return [status, attributes["error.type"]];
}
