import { describe, expect, it } from "vitest";
import { serve } from "../../../test/support/server.ts";
import { FETCH, PROCESSES, SERVER, diagnose, sdk } from "./app.ts";

describe("doctor, for what leaves the machine", PROCESSES, () => {
  it("makes no call that would go through a proxy", async () => {
    const proxy = await serve({});
    const env = { NODE_USE_ENV_PROXY: "1", HTTP_PROXY: proxy.url };
    const { of, report, ids } = await diagnose(`${sdk()} startSdk(); ${FETCH} ${SERVER}`, { env });
    await proxy.close();
    expect(of("round-trip")[0]).toMatchObject({
      level: "warning",
      message: expect.stringContaining("the proxy in HTTP_PROXY, because NO_PROXY does not"),
    });
    expect(report).not.toHaveProperty("roundTrip");
    expect(ids("error")).toEqual([]);
    expect(proxy.requests).toEqual([]);
  });

  it("makes the call if NO_PROXY excludes loopback", async () => {
    const proxy = await serve({});
    const env = { NODE_USE_ENV_PROXY: "1", HTTP_PROXY: proxy.url, NO_PROXY: "localhost,127.0.0.1" };
    const { code, report } = await diagnose(`${sdk()} startSdk(); ${FETCH} ${SERVER}`, { env });
    await proxy.close();
    expect(code).toBe(0);
    expect(report.roundTrip?.parent).toBe("client span");
    expect(proxy.requests).toEqual([]);
  });

  it("makes no call with --no-round-trip", async () => {
    const { code, of, report } = await diagnose(`${sdk()} startSdk(); ${SERVER}`, { args: ["--no-round-trip"] });
    expect(code).toBe(0);
    expect(of("round-trip")[0]?.message).toContain("it was switched off");
    expect(report).not.toHaveProperty("roundTrip");
  });

  const otlp = (url: string): string => `
    import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
    ${sdk({ processors: `new sdk.BatchSpanProcessor({ exporter: new OTLPTraceExporter({ url: "${url}" }) })` })}
    startSdk(); ${FETCH} ${SERVER}`;

  it("makes the SDK export its spans with --flush", async () => {
    const backend = await serve({ "/v1/traces": (_, response) => void response.writeHead(200).end("{}") });
    const { code, of } = await diagnose(otlp(`${backend.url}/v1/traces`), { args: ["--flush"] });
    await backend.close();
    expect(code).toBe(0);
    expect(of("flush")[0]?.level).toBe("ok");
    const sent = backend.requests.map(({ body }) => body.toString()).join("");
    for (const name of ["a2a-otel doctor", "a2a-otel doctor: the call is received", "/a2a-otel-doctor"])
      expect(sent).toContain(name);
  });

  it("reports why the export of --flush failed", async () => {
    const backend = await serve({ "/v1/traces": (_, response) => void response.writeHead(401).end() });
    const { code, of } = await diagnose(otlp(`${backend.url}/v1/traces`), { args: ["--flush"] });
    await backend.close();
    expect(code).toBe(1);
    expect(of("flush")[0]?.message).toMatch(/^The export failed: .*(?:401|Unauthorized)/);
  });
});
