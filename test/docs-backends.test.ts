import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { decodeSpans } from "../examples/demo/otlp.ts";
import type { ExportTraceServiceRequest, ReceivedSpan } from "../examples/demo/otlp.ts";
import { serve } from "./support/server.ts";
import type { Recorded, TestServer } from "./support/server.ts";

const run = promisify(execFile);
const KEYS = { LANGFUSE_PUBLIC_KEY: "pk-lf-1", LANGFUSE_SECRET_KEY: "sk-lf-1" };

const backend = (path: string, status = 200): Promise<TestServer> =>
  serve({ [path]: (_, response) => void response.writeHead(status, { "content-type": "application/json" }).end("{}") });

const received = ({ requests }: TestServer): ReceivedSpan[] =>
  requests.flatMap(({ body, headers }) =>
    decodeSpans(JSON.parse(String(headers["content-encoding"] === "gzip" ? gunzipSync(body) : body)) as ExportTraceServiceRequest),
  );

const runExample = (jaeger: TestServer, langfuse: TestServer): Promise<{ stderr: string }> =>
  run(process.execPath, ["examples/two-backends.ts"], {
    env: { ...process.env, ...KEYS, JAEGER_URL: jaeger.url, LANGFUSE_BASE_URL: langfuse.url },
    timeout: 20_000,
  });

test("two backends get the same trace, each at its own path with its own headers", async () => {
  const jaeger = await backend("/v1/traces");
  const langfuse = await backend("/api/public/otel/v1/traces");
  await runExample(jaeger, langfuse);
  const seen = received(jaeger);
  expect(seen.map(({ service, name, kind, parentSpanId }) => ({ service, name, kind, child: parentSpanId !== undefined }))).toEqual(
    [
      { service: "orchestrator", name: "ask", kind: "CLIENT", child: true },
      { service: "orchestrator", name: "orchestrate", kind: "INTERNAL", child: false },
    ],
  );
  expect(new Set(seen.map(({ traceId }) => traceId)).size).toBe(1);
  expect(received(langfuse)).toEqual(seen);

  const [toJaeger, toLangfuse] = [jaeger, langfuse].map(({ requests }) => requests[0] as Recorded);
  expect(toJaeger?.url).toBe("/v1/traces");
  expect(toJaeger?.headers.authorization).toBeUndefined();
  expect(toLangfuse?.url).toBe("/api/public/otel/v1/traces");
  expect(toLangfuse?.headers).toMatchObject({
    authorization: `Basic ${Buffer.from("pk-lf-1:sk-lf-1").toString("base64")}`,
    "content-type": "application/json",
    "x-langfuse-ingestion-version": "4",
  });
  await Promise.all([jaeger.close(), langfuse.close()]);
});

test("a backend that refuses costs the other nothing", async () => {
  const jaeger = await backend("/v1/traces", 403);
  const langfuse = await backend("/api/public/otel/v1/traces");
  const { stderr } = await runExample(jaeger, langfuse);
  expect(stderr).toContain("a backend has refused: OTLPExporterError: Forbidden");
  expect(received(langfuse).map(({ name }) => name)).toEqual(["ask", "orchestrate"]);
  await Promise.all([jaeger.close(), langfuse.close()]);
});
