import { anything, assert, property } from "fast-check";
import { describe, expect, it } from "vitest";

import { LIMITS, decodeTraces } from "../../src/view/otlp/decode.ts";
import { encodeTraces } from "../../src/view/otlp/encode.ts";
import { sampleTrace } from "./sample.ts";

const SPAN = {
  traceId: "4F1CB27A4f1cb27a4f1cb27a4f1cb27a",
  spanId: "00f067aa0ba902b7",
  parentSpanId: "a1b2c3d4e5f60718",
  traceState: "vendor=1",
  flags: 0x301,
  name: "POST",
  kind: 2,
  startTimeUnixNano: "1760000000123456789",
  endTimeUnixNano: "1760000000623456789",
  attributes: [
    { key: "http.response.status_code", value: { intValue: "500" } },
    { key: "server.port", value: { intValue: 8080 } },
    { key: "large", value: { intValue: "-9223372036854775808" } },
    { key: "ratio", value: { doubleValue: 0.5 } },
    { key: "endless", value: { doubleValue: "Infinity" } },
    { key: "cached", value: { boolValue: false } },
    { key: "reasons", value: { arrayValue: { values: [{ stringValue: "stop" }, {}] } } },
    { key: "empty", value: { arrayValue: {} } },
    { key: "map", value: { kvlistValue: { values: [{ key: "__proto__", value: { stringValue: "harmless" } }] } } },
    { key: "bytes", value: { bytesValue: "aGVsbG8=" } },
    { key: "nothing" },
  ],
  droppedAttributesCount: 2,
  events: [{ timeUnixNano: "1760000000200000000", name: "exception", attributes: [{ key: "a", value: { stringValue: "b" } }] }],
  links: [{ traceId: "1".repeat(32), spanId: "2".repeat(16) }],
  status: { code: 2, message: "it broke" },
};

function request(...spans: unknown[]): unknown {
  const resource = { attributes: [{ key: "service.name", value: { stringValue: "writer" } }] };
  return { resourceSpans: [{ resource, scopeSpans: [{ scope: { name: "a2a-otel", version: "1.2.3" }, spans }] }] };
}

/** A span without what says nothing in most tests. */
function oneOf(changes: object): unknown {
  return request({ ...SPAN, attributes: [], events: [], links: [], ...changes });
}

function outcome(json: unknown): string {
  try {
    return Array.isArray(decodeTraces(json)) ? "spans" : "something else";
  } catch (error) {
    return (error as Error).message;
  }
}

describe("decodeTraces()", () => {
  it("decodes all fields of an export", () => {
    const [{ size, ...span } = { size: 0 }, ...others] = decodeTraces(request(SPAN));
    expect(others).toEqual([]);
    expect(size).toBeGreaterThan(500);
    expect(span).toEqual({
      traceId: "4f1cb27a4f1cb27a4f1cb27a4f1cb27a",
      spanId: "00f067aa0ba902b7",
      parentSpanId: "a1b2c3d4e5f60718",
      remoteParent: true,
      traceState: "vendor=1",
      name: "POST",
      kind: "SERVER",
      service: "writer",
      start: 1760000000123456789n,
      end: 1760000000623456789n,
      status: "error",
      statusMessage: "it broke",
      attributes: {
        "http.response.status_code": 500,
        "server.port": 8080,
        large: -9223372036854775808n,
        ratio: 0.5,
        endless: "Infinity",
        cached: false,
        reasons: ["stop", null],
        empty: [],
        map: JSON.parse('{"__proto__":"harmless"}') as unknown,
        bytes: "aGVsbG8=",
        nothing: null,
      },
      events: [{ time: 1760000000200000000n, name: "exception", attributes: { a: "b" } }],
      links: [{ traceId: "1".repeat(32), spanId: "2".repeat(16), attributes: {} }],
      resource: { "service.name": "writer" },
      scope: { name: "a2a-otel", version: "1.2.3" },
      dropped: 2,
    });
  });

  it("uses defaults for absent fields", () => {
    const bare = { traceId: SPAN.traceId, spanId: SPAN.spanId, startTimeUnixNano: SPAN.startTimeUnixNano };
    const [span] = decodeTraces({ resourceSpans: [{ scopeSpans: [{ spans: [bare] }] }] });
    expect(span).toMatchObject({
      parentSpanId: undefined,
      remoteParent: undefined,
      name: "",
      kind: "INTERNAL",
      service: "unknown_service",
      end: undefined,
      status: "unset",
      attributes: {},
      resource: {},
      scope: { name: "", version: "" },
      dropped: 0,
    });
    expect(decodeTraces({})).toEqual([]);
    expect(decodeTraces({ resourceSpans: [{}, { scopeSpans: [{}] }] })).toEqual([]);
  });

  it("treats null and ids of zeros as absent", () => {
    const [span] = decodeTraces(oneOf({ parentSpanId: "0".repeat(16), status: null, endTimeUnixNano: null, kind: null }));
    expect(span).toMatchObject({ parentSpanId: undefined, status: "unset", end: undefined, kind: "INTERNAL" });
  });

  it.each([
    [
      "names of enums instead of numbers",
      { kind: "SPAN_KIND_CLIENT", status: { code: "STATUS_CODE_OK" } },
      { kind: "CLIENT", status: "ok" },
    ],
    ["a kind that is not specified", { kind: 0 }, { kind: "INTERNAL" }],
    ["numbers for times", { startTimeUnixNano: 1000, endTimeUnixNano: 2000 }, { start: 1000n, end: 2000n }],
    ["an end of 0", { endTimeUnixNano: "0" }, { end: undefined }],
    ["a parent of the same process", { flags: 0x101 }, { remoteParent: false }],
    ["a parent that may be remote or local", { flags: 1 }, { remoteParent: undefined }],
    ["fields of the future", { future: { deep: [1] } }, { name: "POST" }],
  ])("understands %s", (_, changes, expected) => {
    expect(decodeTraces(oneOf(changes))[0]).toMatchObject(expected);
  });

  const AT = "resourceSpans[0].scopeSpans[0].spans[0]";
  it.each([
    [[], "the request is an array, but must be an object"],
    [null, "the request is null, but must be an object"],
    [{ resourceSpans: {} }, "resourceSpans is an object, but must be an array"],
    [{ resourceSpans: [1] }, "resourceSpans[0] is 1, but must be an object"],
    [oneOf({ traceId: "TxyyekUesnpPHLJ6Txyyeg==" }), `${AT}.traceId is "TxyyekUesnpPHLJ6Txyyeg==", but must be 32 hex digits`],
    [oneOf({ traceId: undefined }), `${AT}.traceId is missing, but must be 32 hex digits, not all of them zero`],
    [oneOf({ spanId: "0".repeat(16) }), `${AT}.spanId is "0000000000000000", but must be 16 hex digits, not all of them zero`],
    [oneOf({ spanId: 7 }), `${AT}.spanId is 7, but must be a string`],
    [oneOf({ parentSpanId: "x" }), `${AT}.parentSpanId is "x", but must be 16 hex digits`],
    [oneOf({ name: {} }), `${AT}.name is an object, but must be a string`],
    [oneOf({ kind: 9 }), `${AT}.kind is 9, but must be one of 0 to 5`],
    [oneOf({ kind: "CLIENT" }), `${AT}.kind is "CLIENT", but must be one of 0 to 5`],
    [oneOf({ status: { code: -1 } }), `${AT}.status.code is -1, but must be one of 0 to 2`],
    [
      oneOf({ startTimeUnixNano: "1e9" }),
      `${AT}.startTimeUnixNano is "1e9", but must be nanoseconds since 1970 as a string of digits`,
    ],
    [oneOf({ startTimeUnixNano: 0 }), `${AT}.startTimeUnixNano is 0, but must be nanoseconds since 1970 as a string of digits`],
    [oneOf({ endTimeUnixNano: -1 }), `${AT}.endTimeUnixNano is -1, but must be nanoseconds since 1970 as a string of digits`],
    [
      oneOf({ attributes: [{ key: "a", value: { intValue: "1.5" } }] }),
      `${AT}.attributes[0].value.intValue is "1.5", but must be an integer as a string of digits`,
    ],
    [
      oneOf({ attributes: [{ key: "a", value: { doubleValue: "much" } }] }),
      `${AT}.attributes[0].value.doubleValue is "much", but must be a number`,
    ],
    [
      oneOf({ attributes: [{ key: "a", value: { boolValue: 1 } }] }),
      `${AT}.attributes[0].value.boolValue is 1, but must be true or false`,
    ],
    [oneOf({ attributes: [{ key: 1 }] }), `${AT}.attributes[0].key is 1, but must be a string`],
    [oneOf({ events: ["x"] }), `${AT}.events[0] is "x", but must be an object`],
    [oneOf({ name: "x".repeat(9), traceId: "y".repeat(1e6) }), `${AT}.traceId is "${"y".repeat(60)}", but must be 32 hex digits`],
  ])("throws an error with path and value for invalid input (case %#)", (json, message) => {
    expect(() => decodeTraces(json)).toThrow(new Error(message));
  });

  it("returns spans or throws a descriptive error for any JSON", () => {
    const wrong = property(anything({ withBigInt: false }), anything({ withBigInt: false }), (value, other) => {
      for (const json of [
        value,
        { resourceSpans: value },
        oneOf({ attributes: value, events: other }),
        oneOf({ status: value, links: other }),
      ]) {
        expect(outcome(json)).toMatch(/^spans$|^(the request|resourceSpans)\S* is .*, but must be /);
      }
    });
    assert(wrong, { numRuns: 2000 });
  });
});

describe("the limits of decodeTraces()", () => {
  it("shorten long texts and state the number of removed characters", () => {
    const [span] = decodeTraces(
      oneOf({ name: "n".repeat(2000), attributes: [{ key: "a", value: { stringValue: "v".repeat(LIMITS.text + 5) } }] }),
    );
    expect(span?.name).toBe(`${"n".repeat(1024)}… (976 more characters)`);
    expect(span?.attributes["a"]).toBe(`${"v".repeat(LIMITS.text)}… (5 more characters)`);
  });

  it("drop and count surplus attributes, events and links", () => {
    const many = (count: number, make: (index: number) => object): object[] =>
      Array.from({ length: count }, (_, index) => make(index));
    const attribute = (index: number): object => ({ key: `k${index}`, value: { boolValue: true } });
    const event = { name: "e", timeUnixNano: "1", attributes: many(LIMITS.attributes + 1, attribute) };
    const [span] = decodeTraces(
      oneOf({
        droppedAttributesCount: 0,
        attributes: many(LIMITS.attributes + 3, attribute),
        events: [event, ...many(LIMITS.events + 4, () => ({ name: "e" }))],
        links: many(LIMITS.links + 6, () => ({ traceId: "1".repeat(32), spanId: "2".repeat(16) })),
      }),
    );
    expect(Object.keys(span?.attributes ?? {})).toHaveLength(LIMITS.attributes);
    expect(span?.events.length).toEqual(LIMITS.events);
    expect(span?.links.length).toEqual(LIMITS.links);
    expect(span?.dropped).toBe(3 + 5 + 1 + 6);
  });

  it("cut off values that are nested too deeply", () => {
    let value: object = { stringValue: "the bottom" };
    for (let level = 0; level < 1_000_000; level++) value = { arrayValue: { values: [value] } };
    const [span] = decodeTraces(oneOf({ attributes: [{ key: "deep", value }] }));
    expect(JSON.stringify(span?.attributes["deep"])).toBe(`${"[".repeat(8)}"… (nested too deeply)"${"]".repeat(8)}`);
  });

  it("include the size of a span's content", () => {
    const sizeOf = (length: number): number =>
      decodeTraces(oneOf({ attributes: [{ key: "a", value: { stringValue: "v".repeat(length) } }] }))[0]?.size ?? 0;
    expect(sizeOf(10_000) - sizeOf(0)).toBe(20_000);
  });
});

it("encodeTraces() and decodeTraces() preserve spans", () => {
  const spans = sampleTrace();
  const again = decodeTraces(JSON.parse(JSON.stringify(encodeTraces(spans))));
  const bySpanId = new Map(again.map((span) => [span.spanId, span]));
  for (const { size: _, ...span } of spans) expect(bySpanId.get(span.spanId)).toMatchObject(span);
  expect(again).toHaveLength(spans.length);
});

it("encodeTraces() and decodeTraces() preserve values, parents and trace states of each kind", () => {
  const attributes = {
    none: null,
    yes: true,
    text: "x",
    whole: 7,
    big: 2n ** 60n,
    half: 0.5,
    list: [1, "a", null],
    map: { deep: { er: false } },
  };
  const [span] = sampleTrace();
  const written = [true, false, undefined].map((remoteParent, i) => ({
    ...span!,
    spanId: `00f067aa0ba902b${i}`,
    parentSpanId: remoteParent === undefined ? undefined : "00f067aa0ba902ff",
    remoteParent,
    traceState: remoteParent === true ? "vendor=1" : "",
    statusMessage: remoteParent === true ? "no" : "",
    attributes,
  }));
  const again = decodeTraces(JSON.parse(JSON.stringify(encodeTraces(written))));
  const content = (spans: typeof again): unknown[] => spans.map((one) => ({ ...one, size: undefined }));
  expect(content(again)).toEqual(content(written));
});

it("decodeTraces() accepts doubles as strings", () => {
  const value = (doubleValue: unknown): unknown => {
    const span = {
      traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
      spanId: "00f067aa0ba902b7",
      name: "x",
      startTimeUnixNano: "1",
      attributes: [{ key: "a", value: { doubleValue } }],
    };
    return decodeTraces({ resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] })[0]?.attributes["a"];
  };
  expect(value(0.5)).toEqual(0.5);
  expect(value("0.5")).toEqual(0.5);
  expect(value("NaN")).toEqual("NaN");
  expect(() => value(" ")).toThrow("a number");
});
