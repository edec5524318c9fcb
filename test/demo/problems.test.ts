import { describe, expect, it } from "vitest";
import { findProblems } from "../../examples/demo/problems.ts";
import { spanOf } from "../../tools/test/view/spans.ts";

const root = spanOf({ spanId: "1" });
const child = spanOf({ spanId: "2", parentSpanId: "1", remoteParent: true, service: "writer", name: "POST" });

describe("findProblems", () => {
  it("finds nothing wrong with one trace that has a span of each service", () => {
    expect(findProblems([child, root], ["orchestrator", "writer"])).toEqual([]);
  });

  it("reports a second trace id", () => {
    const stray = spanOf({ spanId: "3", traceId: "0".repeat(31) + "1" });
    expect(findProblems([root, child, stray], [])).toEqual([
      `expected one trace id, received 2: ${root.traceId}, ${stray.traceId}`,
    ]);
  });

  it("reports that no span arrived, and a service that sent none", () => {
    expect(findProblems([], ["checker"])).toEqual(["expected one trace id, received 0: ", "received no span of checker"]);
  });

  it("reports a missing parent", () => {
    expect(findProblems([child], [])).toEqual(['the parent 1 of "POST" in writer is missing']);
  });
});
