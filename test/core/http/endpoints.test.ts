import { ROOT_CONTEXT } from "@opentelemetry/api";
import { describe, expect, it } from "vitest";
import { purposeOf, registerEndpoint } from "../../../src/core/http/endpoints.ts";
import type { PurposeSource } from "../../../src/core/http/endpoints.ts";

const ENDPOINT = "http://tools.example/mcp";

describe("purposeOf()", () => {
  it("is undefined without a registered endpoint", () => {
    expect(purposeOf("GET", ENDPOINT)).toBeUndefined();
  });

  it("asks the sources of the request's origin with the active context", () => {
    const asked: Parameters<PurposeSource>[] = [];
    const unregister = registerEndpoint(ENDPOINT, (...args) => {
      asked.push(args);
      return { endsAtHeaders: true };
    });
    expect(purposeOf("GET", "http://tools.example:80/other")).toEqual({ endsAtHeaders: true });
    expect(purposeOf("GET", "http://other.example/mcp")).toBeUndefined();
    expect(purposeOf("GET", "https://tools.example/mcp")).toBeUndefined();
    expect(asked).toEqual([["GET", "http://tools.example:80/other", ROOT_CONTEXT]]);
    unregister();
    expect(purposeOf("GET", ENDPOINT)).toBeUndefined();
  });

  it("is that of the first source that has one, also if another one throws", () => {
    const undo = [
      registerEndpoint(ENDPOINT, () => {
        throw new Error("broken");
      }),
      registerEndpoint(ENDPOINT, () => undefined),
      registerEndpoint(ENDPOINT, () => ({ startsTrace: true })),
      registerEndpoint(ENDPOINT, () => ({ endsAtHeaders: true })),
    ];
    expect(purposeOf("GET", ENDPOINT)).toEqual({ startsTrace: true });
    for (const unregister of undo) unregister();
  });
});

describe("registerEndpoint()", () => {
  it("removes only its own registration, and only once", () => {
    const first = registerEndpoint(ENDPOINT, () => ({ startsTrace: true }));
    first();
    const second = registerEndpoint(ENDPOINT, () => ({ endsAtHeaders: true }));
    first();
    expect(purposeOf("GET", ENDPOINT)).toEqual({ endsAtHeaders: true });
    const third = registerEndpoint(ENDPOINT, () => ({ startsTrace: true }));
    second();
    expect(purposeOf("GET", ENDPOINT)).toEqual({ startsTrace: true });
    third();
    expect(purposeOf("GET", ENDPOINT)).toBeUndefined();
  });
});
