import { describe, expect, it } from "vitest";
import { FETCH, PROCESSES, SERVER, diagnose, sdk } from "./app.ts";

const UNDICI = `
  import { UndiciInstrumentation } from "@opentelemetry/instrumentation-undici";
  new UndiciInstrumentation();
`;

describe("doctor, for an app with several instrumentations", PROCESSES, () => {
  it("finds one traceparent if code beneath instrumentFetch() appends another by hand", async () => {
    const append = `const inner = globalThis.fetch;
      globalThis.fetch = (input, init) => {
        const headers = new Headers(init?.headers);
        headers.append("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        return inner(input, { ...init, headers });
      };`;
    const { code, of, report } = await diagnose(`${sdk()} startSdk(); ${append}
      const { instrumentFetch } = await import("a2a-otel/fetch"); instrumentFetch(); ${SERVER}`);
    expect(code).toBe(0);
    expect(report.roundTrip?.traceparents).toHaveLength(1);
    expect(of("round-trip")[0]).toMatchObject({ level: "ok" });
  });

  it("reports the two headers and CLIENT spans of two instances of instrumentation-undici", async () => {
    const { of, summary } = await diagnose(`${sdk()} startSdk(); ${UNDICI} new UndiciInstrumentation(); ${SERVER}`);
    expect(summary).toMatchObject({ code: 1, errors: ["round-trip", "double-spans"] });
    expect(of("round-trip")[0]?.message).toContain("2 subscribers to undici's channels, each of which appends its own value");
    expect(of("round-trip")[0]?.remedy).toContain("instrumentFetch()");
    expect(of("double-spans")[0]?.message).toContain(
      '"GET" of @opentelemetry/instrumentation-undici, "GET" of @opentelemetry/instrumentation-undici',
    );
  });

  it("reports the second CLIENT span of a wrapper around instrumentFetch()", async () => {
    const outer = `const inner = globalThis.fetch;
      globalThis.fetch = (input, init) => trace.getTracer("my-fetch").startActiveSpan("call", { kind: 2 }, (span) => inner(input, init).finally(() => span.end()));`;
    const { of, summary } = await diagnose(`${sdk()} startSdk(); ${FETCH} ${outer} ${SERVER}`);
    expect(summary).toMatchObject({ code: 1, errors: ["double-spans"] });
    expect(of("double-spans")[0]?.message).toContain('"call" of my-fetch, "GET" of a2a-otel');
    expect(of("instrumentations")[0]?.message).toContain("a wrapper of the global fetch");
  });

  it("recognises a policy that excludes 127.0.0.1", async () => {
    const { of, summary } = await diagnose(`${sdk()} startSdk(); import { instrumentFetch } from "a2a-otel/fetch";
      instrumentFetch({ propagateTo: "*.corp.example" }); ${SERVER}`);
    expect(summary).toMatchObject({ code: 0, warnings: ["round-trip"] });
    expect(of("round-trip")[0]?.message).toContain("An option of instrumentFetch() excludes 127.0.0.1 (propagateTo");
  });

  it("only warns that fetch is not instrumented if another client is", async () => {
    const { of, summary } = await diagnose(`${sdk()} startSdk(); import "a2a-otel/undici"; ${SERVER}`);
    expect(summary).toMatchObject({ code: 0, warnings: ["fetch"] });
    expect(of("instrumentations")[0]?.message).toContain("The entry points of a2a-otel for undici are loaded");
  });
});
