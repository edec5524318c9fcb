import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { decodeTraces } from "../tools/src/view/otlp/decode.ts";
import type { Span } from "../tools/src/view/span.ts";
import { serve } from "./support/server.ts";
import type { Recorded, TestServer } from "./support/server.ts";

const run = promisify(execFile);
const KEYS = { LANGFUSE_PUBLIC_KEY: "pk-lf-1", LANGFUSE_SECRET_KEY: "sk-lf-1" };

const startBackend = (path: string, status = 200): Promise<TestServer> =>
  serve({ [path]: (_, response) => void response.writeHead(status, { "content-type": "application/json" }).end("{}") });

const received = ({ requests }: TestServer): Span[] =>
  requests.flatMap(({ body, headers }) =>
    decodeTraces(JSON.parse(String(headers["content-encoding"] === "gzip" ? gunzipSync(body) : body))),
  );

const runExample = (jaeger: TestServer, langfuse: TestServer): Promise<{ stderr: string }> =>
  run(process.execPath, ["examples/two-backends.ts"], {
    env: { ...process.env, ...KEYS, JAEGER_URL: jaeger.url, LANGFUSE_BASE_URL: langfuse.url },
    timeout: 20_000,
  });

describe("examples/two-backends.ts", () => {
  it("sends the same trace to both backends, each at its own path with its own headers", async () => {
    const jaeger = await startBackend("/v1/traces");
    const langfuse = await startBackend("/api/public/otel/v1/traces");
    await runExample(jaeger, langfuse);
    const spans = received(jaeger);
    expect(
      spans.map(({ service, name, kind, parentSpanId }) => ({ service, name, kind, child: parentSpanId !== undefined })),
    ).toEqual([
      { service: "orchestrator", name: "ask", kind: "CLIENT", child: true },
      { service: "orchestrator", name: "orchestrate", kind: "INTERNAL", child: false },
    ]);
    expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
    expect(received(langfuse)).toEqual(spans);

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

  it("delivers to the other backend when one rejects the spans", async () => {
    const jaeger = await startBackend("/v1/traces", 403);
    const langfuse = await startBackend("/api/public/otel/v1/traces");
    const { stderr } = await runExample(jaeger, langfuse);
    expect(stderr).toContain("a backend rejected the spans: OTLPExporterError: Forbidden");
    expect(received(langfuse).map(({ name }) => name)).toEqual(["ask", "orchestrate"]);
    await Promise.all([jaeger.close(), langfuse.close()]);
  });
});

/** A program that exports one span with the settings of the environment. */
const EXPORT = `
  import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
  import { SimpleSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
  const provider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter: new OTLPTraceExporter() })] });
  provider.getTracer("test").startSpan("work").end();
  await provider.shutdown();
`;

/** The shell blocks of docs/backends.md that configure an exporter. */
const BLOCKS = [...readFileSync("docs/backends.md", "utf8").matchAll(/## (.+)|```sh\n([^`]*export OTEL_[^`]*)```/g)];
const PLAIN = { path: "/v1/traces", headers: {} };
/** The path and headers that each block must produce, in the order of the page. */
const EXPECTED = [
  { backend: "Jaeger", ...PLAIN },
  {
    backend: "Langfuse",
    path: "/api/public/otel/v1/traces",
    headers: {
      authorization: `Basic ${Buffer.from("pk-lf-1234567890:sk-lf-1234567890").toString("base64")}`,
      "x-langfuse-ingestion-version": "4",
    },
  },
  { backend: "Instana", ...PLAIN },
  { backend: "Instana", path: "/v1/traces", headers: { "x-instana-key": "0123456789", "x-instana-host": "my-host" } },
  { backend: "Datadog", ...PLAIN },
  { backend: "Datadog", path: "/v1/traces", headers: { "dd-api-key": "0123456789", compute_stats: "true" } },
];

function configurations(): { backend: string; shell: string }[] {
  let backend = "";
  return BLOCKS.flatMap(([, heading, shell]) => {
    backend = heading ?? backend;
    return shell === undefined ? [] : [{ backend, shell }];
  });
}

describe("docs/backends.md", () => {
  it.each(EXPECTED.map((expected, index) => ({ ...expected, index })))(
    "sends to $path with the documented headers, in configuration $index ($backend)",
    async ({ backend: name, path, headers, index }) => {
      const { backend, shell } = configurations()[index] as { backend: string; shell: string };
      expect(backend).toBe(name);
      const server = await startBackend(path);
      const local = shell.replaceAll(/=https?:\/\/[^/\s]+/g, `=${server.url}`);
      await run("sh", ["-c", `${local}\nexec "$NODE" --input-type=module -e "$EXPORT"`], {
        env: { ...process.env, NODE: process.execPath, EXPORT },
        timeout: 20_000,
      });
      expect(server.requests.map(({ url }) => url)).toEqual([path]);
      expect(server.requests[0]?.headers).toMatchObject(headers);
      await server.close();
    },
  );

  it("has no configuration without a test", () => {
    expect(configurations()).toHaveLength(EXPECTED.length);
  });
});
