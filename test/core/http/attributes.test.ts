import * as conventions from "@opentelemetry/semantic-conventions";
import * as incubating from "@opentelemetry/semantic-conventions/incubating";
import { describe, expect, it } from "vitest";
import * as attributes from "../../../src/core/http/attributes.ts";
import { KNOWN_METHODS, protocolVersion } from "../../../src/core/http/attributes.ts";

describe("attributes.ts", () => {
  const names = Object.entries<unknown>(attributes).filter(([, value]) => typeof value === "string" && value.includes("."));
  const known: Record<string, unknown> = { ...incubating, ...conventions };
  it.each(names)("has the name of the semantic conventions as %s", (name, value) => {
    expect(known[`ATTR_${name}`] ?? known[`METRIC_${name}`]).toBe(value);
  });
  it("has all names of the stable HTTP conventions", () => {
    expect(names.length).toBeGreaterThanOrEqual(19);
    expect(attributes.OTHER_METHOD).toBe(conventions.HTTP_REQUEST_METHOD_VALUE_OTHER);
  });
  it("knows the methods of RFC 9110, PATCH and QUERY", () => {
    const methods = ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"];
    expect(KNOWN_METHODS.toSorted()).toEqual(methods);
  });
});

describe("protocolVersion()", () => {
  it.each([
    ["1.0", "1.0"],
    ["1.1", "1.1"],
    ["2.0", "2"],
    ["2", "2"],
  ])("reports Node's version %s as %s", (version, recorded) => {
    expect(protocolVersion(version)).toBe(recorded);
  });
});
