import { expect, test } from "vitest";
import { flaws } from "../../examples/demo/verdict.ts";
import { spanOf as received } from "../../tools/test/view/spans.ts";

const root = received({ spanId: "1" });
const child = received({ spanId: "2", parentSpanId: "1", remoteParent: true, service: "writer", name: "POST" });

test("one trace with a span of each service has no flaws", () => {
  expect(flaws([child, root], ["orchestrator", "writer"])).toEqual([]);
});

test("a second trace id is a flaw", () => {
  const stray = received({ spanId: "3", traceId: "0".repeat(31) + "1" });
  expect(flaws([root, child, stray], [])).toEqual([
    `there are 2 trace ids where there should be one: ${root.traceId}, ${stray.traceId}`,
  ]);
});

test("no span at all, and a service that sent none, are flaws", () => {
  expect(flaws([], ["checker"])).toEqual(["there are 0 trace ids where there should be one: ", "no span of checker came in"]);
});

test("a parent that did not come in is a flaw", () => {
  expect(flaws([child], [])).toEqual(['the parent 1 of "POST" in writer did not come in']);
});
