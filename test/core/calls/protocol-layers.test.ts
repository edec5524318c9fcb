import { ROOT_CONTEXT, trace } from "@opentelemetry/api";
import type { Span } from "@opentelemetry/api";
import { describe, expect, it } from "vitest";
import { isBelowA2AClient, markA2AClient, unmarkA2AClient } from "../../../src/core/context/a2a-client-span.ts";
import { optInMetricAttributes } from "../../../src/core/http/client-attributes.ts";
import { errorStatus, isRecordedException, recordException, statusDescription } from "../../../src/core/http/errors.ts";
import { connectionOf, rememberConnections } from "../../../src/core/node/received-connections.ts";
import { clientConfig } from "../../../src/core/calls/client-config.ts";
import { durationOf } from "../../../src/core/telemetry/meter.ts";

const span = trace.getTracer("none").startSpan("none");

describe("isRecordedException()", () => {
  it("finds an error that is recorded, also as a cause", () => {
    const error = new Error("once");
    expect(isRecordedException(error)).toBe(false);
    recordException(span, error, undefined);
    expect(isRecordedException(error)).toBe(true);
    expect(isRecordedException(new Error("outer", { cause: new Error("middle", { cause: error }) }))).toBe(true);
  });

  it("is false for what cannot be recorded, for a long chain of causes, and if a getter throws", () => {
    recordException(span, "text", undefined);
    expect(isRecordedException("text")).toBe(false);
    const endless = new Error("endless");
    endless.cause = endless;
    expect(isRecordedException(endless)).toBe(false);
    const broken = Object.defineProperty(new Error("broken"), "cause", {
      get: () => {
        throw new Error("thrown by a getter");
      },
    });
    expect(isRecordedException(broken)).toBe(false);
  });
});

it("the description of a status is the message of an error, or a value that is thrown, without secrets", () => {
  expect(statusDescription(new Error("at https://a:b@agent.example"), undefined)).toBe(
    "at https://REDACTED:REDACTED@agent.example",
  );
  expect(statusDescription("no", undefined)).toBe("no");
  expect(errorStatus(undefined)).toEqual({ code: 2 });
  expect(errorStatus("no")).toEqual({ code: 2, message: "no" });
});

it("the duration of a span is known only for a span of the SDK that has ended", () => {
  expect(durationOf(undefined)).toBeUndefined();
  expect(durationOf(span)).toBeUndefined();
  expect(durationOf({ duration: [-1, -1] } as unknown as Span)).toBeUndefined();
  expect(durationOf({ duration: [1, 500_000_000] } as unknown as Span)).toBe(1.5);
});

it("the context of an A2A CLIENT span is marked until a handler removes the mark", () => {
  const marked = markA2AClient(ROOT_CONTEXT);
  expect(isBelowA2AClient(marked)).toBe(true);
  expect(isBelowA2AClient(unmarkA2AClient(marked))).toBe(false);
  expect(unmarkA2AClient(ROOT_CONTEXT)).toBe(ROOT_CONTEXT);
});

it("the opt-in attributes of a metric are those that are named and known", () => {
  const config = clientConfig("f", {});
  const names = ["url.scheme", "url.template"];
  const attributesFor = (url: string, attributes: object): object =>
    optInMetricAttributes(names, config.target("GET", url), { ...attributes });
  expect(attributesFor("https://agent.example/", { "url.template": "/" })).toEqual({ "url.scheme": "https", "url.template": "/" });
  expect(attributesFor("/rpc", {})).toEqual({});
});

it("the connection of a request is unknown for headers that node:http has not received", () => {
  rememberConnections();
  rememberConnections();
  expect(connectionOf(undefined)).toBeUndefined();
  expect(connectionOf({ host: "agent.example" })).toBeUndefined();
});
