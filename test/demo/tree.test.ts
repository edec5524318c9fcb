import { describe, expect, it } from "vitest";
import { drawTrace } from "../../examples/demo/tree.ts";
import { spanOf } from "../../tools/test/view/spans.ts";

const TOKENS = { "gen_ai.usage.input_tokens": 812, "gen_ai.usage.output_tokens": 164 };

describe("drawTrace", () => {
  it("draws a headline and a row with name, kind, service, duration and notes for each span", () => {
    const spans = [
      spanOf({ spanId: "1", name: "orchestrate", end: 412.4 }),
      spanOf({ spanId: "2", parentSpanId: "1", name: "POST", kind: "CLIENT", end: 90, attributes: { "demo.client": "fetch" } }),
      spanOf({ spanId: "3", parentSpanId: "2", remoteParent: true, name: "POST /rpc", kind: "SERVER", service: "researcher" }),
      spanOf({ spanId: "4", parentSpanId: "3", name: "analyze", service: "researcher" }),
      spanOf({ spanId: "5", parentSpanId: "4", name: "chat model", service: "researcher", end: 8, attributes: TOKENS }),
    ];
    expect(drawTrace(spans)).toBe(
      [
        "trace 4f1cb27a4f1cb27a4f1cb27a4f1cb27a, 2 services, 5 spans, 412 ms",
        "orchestrate                     orchestrator  412 ms",
        "`- POST                 CLIENT  orchestrator   90 ms  fetch",
        "   `- POST /rpc         SERVER  researcher     10 ms  <- remote parent",
        "      `- analyze                researcher     10 ms",
        "         `- chat model          researcher      8 ms  812 in / 164 out",
      ].join("\n"),
    );
  });

  it("orders siblings by start time", () => {
    const spans = [
      spanOf({ spanId: "third", parentSpanId: "root", start: 3 }),
      spanOf({ spanId: "below", parentSpanId: "first", start: 4 }),
      spanOf({ spanId: "first", parentSpanId: "root", start: 1 }),
      spanOf({ spanId: "root" }),
      spanOf({ spanId: "second", parentSpanId: "root", start: 2 }),
    ];
    const names = drawTrace(spans)
      .split("\n")
      .slice(1)
      .map((line) => line.split("  orchestrator")[0]?.trimEnd());
    expect(names).toEqual(["root", "|- first", "|  `- below", "|- second", "`- third"]);
  });

  it("draws a span whose parent is missing as a root, with a note", () => {
    const spans = [spanOf({ spanId: "1" }), spanOf({ spanId: "2", parentSpanId: "lost", remoteParent: true, start: 1 })];
    expect(drawTrace(spans).split("\n").slice(1)).toEqual([
      "1    orchestrator  10 ms",
      "2    orchestrator   9 ms  <- remote parent  <- parent lost is missing",
    ]);
  });

  it("shows the error type of a failed span", () => {
    const spans = [spanOf({ spanId: "1", status: "error", attributes: { "error.type": "ECONNREFUSED" } })];
    expect(drawTrace(spans)).toBe(
      ["trace 4f1cb27a4f1cb27a4f1cb27a4f1cb27a, 1 service, 1 span, 10 ms", "1    orchestrator  10 ms  ERROR ECONNREFUSED"].join(
        "\n",
      ),
    );
  });
});
