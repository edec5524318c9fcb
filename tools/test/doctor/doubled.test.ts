import { describe, expect, test } from "vitest";
import { FETCH, PROCESSES, SERVER, diagnose, sdk } from "./app.ts";

const UNDICI = `
  import { UndiciInstrumentation } from "@opentelemetry/instrumentation-undici";
  new UndiciInstrumentation();
`;

describe("too much of a good thing", PROCESSES, () => {
  test("code beneath instrumentFetch() that appends a traceparent by hand: one value all the same", async () => {
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

  test("two instances of instrumentation-undici: two values, and two CLIENT spans", async () => {
    const { code, ids, of } = await diagnose(`${sdk()} startSdk(); ${UNDICI} new UndiciInstrumentation(); ${SERVER}`);
    expect([code, ids("error")]).toEqual([1, ["round-trip", "double-spans"]]);
    expect(of("round-trip")[0]?.message).toContain("2 subscribers to undici's channels, of which each appends its own");
    expect(of("round-trip")[0]?.remedy).toContain("instrumentFetch()");
    expect(of("double-spans")[0]?.message).toContain(
      '"GET" of @opentelemetry/instrumentation-undici, "GET" of @opentelemetry/instrumentation-undici',
    );
  });

  test("a wrapper around instrumentFetch() with a CLIENT span of its own: two CLIENT spans", async () => {
    const outer = `const inner = globalThis.fetch;
      globalThis.fetch = (input, init) => trace.getTracer("my-fetch").startActiveSpan("call", { kind: 2 }, (span) => inner(input, init).finally(() => span.end()));`;
    const { code, ids, of } = await diagnose(`${sdk()} startSdk(); ${FETCH} ${outer} ${SERVER}`);
    expect([code, ids("error")]).toEqual([1, ["double-spans"]]);
    expect(of("double-spans")[0]?.message).toContain('"call" of my-fetch, "GET" of a2a-otel');
    expect(of("instrumentations")[0]?.message).toContain("a wrapper of the global fetch");
  });

  test("a policy that leaves 127.0.0.1 out is told from a mistake", async () => {
    const { code, ids, of } = await diagnose(`${sdk()} startSdk(); import { instrumentFetch } from "a2a-otel/fetch";
      instrumentFetch({ propagateTo: "*.corp.example" }); ${SERVER}`);
    expect([code, ids("warning")]).toEqual([0, ["round-trip"]]);
    expect(of("round-trip")[0]?.message).toContain("an option keeps 127.0.0.1 out (propagateTo");
  });

  test("an app whose calls go through another client is only warned that fetch is not instrumented", async () => {
    const { code, ids, of } = await diagnose(`${sdk()} startSdk(); import "a2a-otel/undici"; ${SERVER}`);
    expect([code, ids("warning")]).toEqual([0, ["fetch"]]);
    expect(of("instrumentations")[0]?.message).toContain("entry points for undici are loaded");
  });
});
