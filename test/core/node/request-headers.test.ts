import { describe, expect, it } from "vitest";
import { decodeHeaders } from "../../../src/core/node/request-headers.ts";

describe("decodeHeaders()", () => {
  it("decodes names and values", () => {
    expect(decodeHeaders([Buffer.from("content-type"), Buffer.from("text/plain")])).toEqual(["content-type", "text/plain"]);
  });

  it("returns no headers for anything but an array", () => {
    expect(decodeHeaders(undefined)).toEqual([]);
    expect(decodeHeaders({ "content-type": "text/plain" })).toEqual([]);
  });
});
