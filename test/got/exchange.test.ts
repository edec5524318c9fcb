import { EventEmitter } from "node:events";
import { Readable } from "node:stream";
import { SpanStatusCode } from "@opentelemetry/api";
import type { Options } from "got";
import { afterEach, beforeEach, expect, test } from "vitest";
import { clientConfig } from "../../src/core/client-config.ts";
import { startCall } from "../../src/core/start-call.ts";
import { send } from "../../src/got/attempt.ts";
import { describe, startTelemetry } from "../support/telemetry.ts";
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
  const config = clientConfig("wrapGot");
  const call = startCall(config, "POST", "http://agent.example/rpc", undefined, undefined)!;
  const request = Object.assign(new EventEmitter(), { destroyed: true, writableEnded: false, socket: { readableEnded: false } });
  const body = Object.assign(new Readable({ read() {} }), {});
  Object.defineProperty(body, "errored", { value: errored ?? null });
  send(config, call, { body } as unknown as Options, () => request, [], { result: Promise.resolve() });
  request.emit("close");
  await telemetry.ended(1);
  const span = describe(telemetry.own()[0]!);
  expect([span.status, span.attributes["error.type"]]).toEqual([status, type]);
});
