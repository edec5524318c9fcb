import { describe, expect, test } from "vitest";
import { serve } from "../../../test/support/server.ts";
import { FETCH, PROCESSES, SERVER, diagnose, sdk } from "./app.ts";

describe("what leaves the machine", PROCESSES, () => {
  test("a call is not made where a proxy would get it", async () => {
    const proxy = await serve({});
    const env = { NODE_USE_ENV_PROXY: "1", HTTP_PROXY: proxy.url };
    const { of, report, ids } = await diagnose(`${sdk()} startSdk(); ${FETCH} ${SERVER}`, { env });
    await proxy.close();
    expect(of("round-trip")[0]).toMatchObject({
      level: "warning",
      message: expect.stringContaining("the proxy of HTTP_PROXY, since NO_PROXY does not"),
    });
    expect(report).not.toHaveProperty("roundTrip");
    expect(ids("error")).toEqual([]);
    expect(proxy.requests).toEqual([]);
  });

  test("with NO_PROXY it is made", async () => {
    const proxy = await serve({});
    const env = { NODE_USE_ENV_PROXY: "1", HTTP_PROXY: proxy.url, NO_PROXY: "localhost,127.0.0.1" };
    const { code, report } = await diagnose(`${sdk()} startSdk(); ${FETCH} ${SERVER}`, { env });
    await proxy.close();
    expect(code).toBe(0);
    expect(report.roundTrip?.parent).toBe("client span");
    expect(proxy.requests).toEqual([]);
  });

  test("--no-round-trip makes none", async () => {
    const { code, of, report } = await diagnose(`${sdk()} startSdk(); ${SERVER}`, { args: ["--no-round-trip"] });
    expect(code).toBe(0);
    expect(of("round-trip")[0]?.message).toContain("it was not asked for");
    expect(report).not.toHaveProperty("roundTrip");
  });

  const otlp = (url: string): string => `
    import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
    ${sdk({ processors: `new sdk.BatchSpanProcessor({ exporter: new OTLPTraceExporter({ url: "${url}" }) })` })}
    startSdk(); ${FETCH} ${SERVER}`;

  test("--flush has the spans exported, and says so", async () => {
    const backend = await serve({ "/v1/traces": (_, response) => void response.writeHead(200).end("{}") });
    const { code, of } = await diagnose(otlp(`${backend.url}/v1/traces`), { args: ["--flush"] });
    await backend.close();
    expect(code).toBe(0);
    expect(of("flush")[0]?.level).toBe("ok");
    const sent = backend.requests.map(({ body }) => body.toString()).join("");
    for (const name of ["a2a-otel doctor", "a2a-otel doctor: the call is received", "/a2a-otel-doctor"])
      expect(sent).toContain(name);
  });

  test("--flush tells why nothing arrives", async () => {
    const backend = await serve({ "/v1/traces": (_, response) => void response.writeHead(401).end() });
    const { code, of } = await diagnose(otlp(`${backend.url}/v1/traces`), { args: ["--flush"] });
    await backend.close();
    expect(code).toBe(1);
    expect(of("flush")[0]?.message).toMatch(/^The export failed: .*(?:401|Unauthorized)/);
  });
});
