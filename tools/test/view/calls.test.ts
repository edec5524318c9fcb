import { expect, it } from "vitest";
import { callsOf } from "../../src/view/model/calls.ts";
import type { Calls } from "../../src/view/model/calls.ts";
import { buildTree } from "../../src/view/model/tree.ts";
import type { Attributes } from "../../src/view/span.ts";
import { spanOf } from "./spans.ts";
import type { SpanSketch } from "./spans.ts";

const calls = (...spans: SpanSketch[]): Calls[] => callsOf(buildTree(spans.map(spanOf)));
const root: SpanSketch = { spanId: "root", end: 100 };

it("groups calls by caller and callee, in the order of the first call, as measured by the caller", () => {
  expect(
    calls(
      root,
      { spanId: "call 1", parentSpanId: "root", kind: "CLIENT", start: 10, end: 40 },
      { spanId: "served 1", parentSpanId: "call 1", kind: "SERVER", service: "writer", start: 12, end: 38 },
      { spanId: "call 2", parentSpanId: "root", kind: "CLIENT", start: 50, end: 60, status: "error" },
      { spanId: "served 2", parentSpanId: "call 2", kind: "SERVER", service: "writer", start: 51, end: 59 },
      { spanId: "served 3", parentSpanId: "root", service: "checker", start: 5, end: 9, status: "error" },
    ),
  ).toEqual([
    { caller: "orchestrator", callee: "checker", outside: false, calls: 1, errors: 1, total: 4, slowest: 4 },
    { caller: "orchestrator", callee: "writer", outside: false, calls: 2, errors: 1, total: 40, slowest: 30 },
  ]);
});

it("includes calls of a service to itself and calls back to the caller", () => {
  const found = calls(
    root,
    { spanId: "call 1", parentSpanId: "root", kind: "CLIENT" },
    { spanId: "self", parentSpanId: "call 1", kind: "SERVER" },
    { spanId: "call 2", parentSpanId: "self", kind: "CLIENT" },
    { spanId: "there", parentSpanId: "call 2", kind: "SERVER", service: "writer" },
    { spanId: "call 3", parentSpanId: "there", kind: "CLIENT", service: "writer" },
    { spanId: "back", parentSpanId: "call 3", kind: "SERVER" },
  );
  expect(found.map(({ caller, callee }) => `${caller} to ${callee}`)).toEqual([
    "orchestrator to orchestrator",
    "orchestrator to writer",
    "writer to orchestrator",
  ]);
});

const leaf = (attributes: Attributes, more: Partial<SpanSketch> = {}): Calls[] =>
  calls(root, { spanId: "call", parentSpanId: "root", kind: "CLIENT", start: 10, end: 30, attributes, ...more });

it.each<[string, Attributes, string | undefined]>([
  ["the host with its port", { "server.address": "api.example", "server.port": 8443 }, "api.example:8443"],
  ["the host without a usual port", { "server.address": "api.example", "server.port": 443 }, "api.example"],
  ["the peer's service before its host", { "peer.service": "billing", "server.address": "10.0.0.1" }, "billing"],
  ["the older name of the host", { "net.peer.name": "old.example" }, "old.example"],
  ["a model's provider", { "gen_ai.provider.name": "a-provider" }, "a-provider"],
  ["a database", { "db.system.name": "postgresql" }, "postgresql"],
  ["nothing that is no text", { "server.address": 7, "peer.service": "" }, undefined],
  ["nothing where nothing is said", {}, undefined],
])("names the callee of a call that leaves the trace: %s", (_, attributes, callee) => {
  const expected = { caller: "orchestrator", callee, outside: true, calls: 1, errors: 0, total: 20, slowest: 20 };
  expect(leaf(attributes)).toEqual(callee === undefined ? [] : [expected]);
});

it("treats a call as outside only if there is no other call below it", () => {
  const address = { "server.address": "api.example" };
  const inner: SpanSketch = { spanId: "dns", parentSpanId: "call", start: 11, end: 12 };
  const outer: SpanSketch = { spanId: "call", parentSpanId: "root", kind: "CLIENT", attributes: address };
  expect(calls(root, outer, inner).map(({ callee }) => callee)).toEqual(["api.example"]);
  const request: SpanSketch = {
    spanId: "http",
    parentSpanId: "call",
    kind: "CLIENT",
    attributes: { "server.address": "10.0.0.1" },
  };
  expect(calls(root, outer, request).map(({ callee }) => callee)).toEqual(["10.0.0.1"]);
  const served: SpanSketch = { spanId: "served", parentSpanId: "call", kind: "SERVER", service: "writer" };
  expect(calls(root, outer, served).map(({ callee, outside }) => [callee, outside])).toEqual([["writer", false]]);
});

it("treats a message without a consumer as outside", () => {
  expect(leaf({ "messaging.destination.name": "orders" }, { kind: "PRODUCER", status: "error" })).toMatchObject([
    { callee: "orders", outside: true, errors: 1 },
  ]);
});
