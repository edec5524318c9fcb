import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startReceiver } from "../../examples/demo/receiver.ts";
import type { Receiver } from "../../examples/demo/receiver.ts";

const EXPORT = {
  resourceSpans: [
    {
      resource: { attributes: [{ key: "service.name", value: { stringValue: "writer" } }] },
      scopeSpans: [
        {
          spans: [
            {
              traceId: "4f1cb27a4f1cb27a4f1cb27a4f1cb27a",
              spanId: "00f067aa0ba902b7",
              parentSpanId: "a1b2c3d4e5f60718",
              flags: 0x301,
              name: "POST",
              kind: 2,
              startTimeUnixNano: "1760000000123456789",
              endTimeUnixNano: "1760000000623456789",
              attributes: [
                { key: "http.response.status_code", value: { intValue: "500" } },
                { key: "server.port", value: { intValue: 8080 } },
                { key: "ratio", value: { doubleValue: 0.5 } },
                { key: "cached", value: { boolValue: false } },
                { key: "reasons", value: { arrayValue: { values: [{ stringValue: "stop" }] } } },
              ],
              status: { code: 2 },
            },
          ],
        },
      ],
    },
  ],
};

const SPAN = {
  traceId: "4f1cb27a4f1cb27a4f1cb27a4f1cb27a",
  spanId: "00f067aa0ba902b7",
  parentSpanId: "a1b2c3d4e5f60718",
  remoteParent: true,
  name: "POST",
  kind: "SERVER",
  service: "writer",
  failed: true,
  start: 1760000000123.456,
  end: 1760000000623.456,
  attributes: { "http.response.status_code": 500, "server.port": 8080, ratio: 0.5, cached: false, reasons: ["stop"] },
};

let receiver: Receiver;
beforeEach(async () => {
  receiver = await startReceiver();
});
afterEach(() => receiver.close());

async function post(path: string, body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}): Promise<number> {
  const response = await fetch(receiver.url + path, { method: "POST", body, headers });
  await response.arrayBuffer();
  return response.status;
}

test("an export becomes spans with their service, their times in milliseconds and plain attributes", async () => {
  expect(await post("/v1/traces", JSON.stringify(EXPORT))).toBe(200);
  expect(receiver.spans).toEqual([SPAN]);
});

test("a compressed export is the same", async () => {
  expect(await post("/v1/traces", new Uint8Array(gzipSync(JSON.stringify(EXPORT))), { "content-encoding": "gzip" })).toBe(200);
  expect(receiver.spans).toEqual([SPAN]);
});

test("what is not JSON, and what is not for traces, is refused", async () => {
  expect(await post("/v1/traces", "\n\0protobuf")).toBe(400);
  expect(await post("/v1/traces", "not gzip", { "content-encoding": "gzip" })).toBe(400);
  expect(await post("/v1/metrics", "{}")).toBe(404);
  expect(receiver.spans).toEqual([]);
});
