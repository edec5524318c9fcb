import { describe, expect, it } from "vitest";
import { FETCH, PROCESSES, SERVER, diagnose, sdk } from "./app.ts";

const UNDICI = `
  import { UndiciInstrumentation } from "@opentelemetry/instrumentation-undici";
  new UndiciInstrumentation();
`;
const TRACEPARENT = /^00-[\da-f]{32}-[\da-f]{16}-01$/;

describe("doctor, for an app without problems", PROCESSES, () => {
  it("reports no error and no warning, and ends the app although its server is still running", async () => {
    const { code, report, of, stderr, summary } = await diagnose(
      `${sdk()} startSdk(); ${FETCH} ${SERVER} console.log("output of the app");`,
    );
    expect(summary).toMatchObject({ errors: [], warnings: [] });
    expect(code).toBe(0);
    expect(report).toMatchObject({
      ok: true,
      runtime: { name: "node", version: process.versions.node },
      propagation: {
        fields: ["traceparent", "tracestate", "baggage"],
        propagator: "other",
        contextManager: "other",
        tracerProvider: "other",
      },
      roundTrip: {
        via: "global fetch",
        sameTrace: true,
        parent: "client span",
        clientSpans: [{ name: "GET", scope: "a2a-otel" }],
        baggage: true,
        continued: true,
        traceparents: [expect.stringMatching(TRACEPARENT)],
        baggageContinued: true,
        received: { baggage: ["a2a-otel.doctor=1"] },
      },
    });
    expect(of("sdk")[0]?.message).toContain("TracerProvider with the sampler ParentBased{root=AlwaysOnSampler}");
    expect(of("sdk")[0]?.message).toContain("Spans are passed to SimpleSpanProcessor (InMemorySpanExporter).");
    expect(of("service")[0]?.message).toBe('The service name is "agent".');
    expect(of("round-trip")[0]?.message).toMatch(
      /arrived after [\d.]+ ms with one traceparent of the caller's trace\. Its parent is the only CLIENT span/,
    );
    expect(of("spans")[0]?.message).toContain(report.roundTrip?.traceId);
    expect(stderr).toContain("output of the app");
  });

  it("finds one header and one span together with instrumentation-undici", async () => {
    const { code, report, of } = await diagnose(`${sdk()} startSdk(); ${UNDICI} ${FETCH} ${SERVER}`);
    expect(code).toBe(0);
    expect(report.roundTrip?.traceparents).toHaveLength(1);
    expect(report.roundTrip?.clientSpans).toEqual([{ name: "GET", scope: "a2a-otel" }]);
    expect(of("instrumentations")[0]?.message).toMatch(
      /a subscriber to undici's channels.* Loaded packages: @opentelemetry\/instrumentation-undici [\d.]+\./,
    );
  });

  it("accepts instrumentation-undici without a2a-otel's own instrumentation", async () => {
    const { code, report, of } = await diagnose(`${sdk()} startSdk(); ${UNDICI} ${SERVER}`);
    expect(code).toBe(0);
    expect(report.roundTrip?.clientSpans).toEqual([{ name: "GET", scope: "@opentelemetry/instrumentation-undici" }]);
    expect(of("round-trip")[0]?.message).toContain('the only CLIENT span, "GET" of @opentelemetry/instrumentation-undici');
  });

  it("accepts an SDK that starts after instrumentFetch() and setupPropagation()", async () => {
    const { report, summary } = await diagnose(
      `import { setupPropagation } from "a2a-otel/setup"; ${FETCH} setupPropagation();
       ${sdk({ manager: "undefined", propagator: "undefined" })} setTimeout(startSdk, 200); ${SERVER}`,
      { args: ["--wait", "1500"] },
    );
    expect(summary).toMatchObject({ code: 0, warnings: [] });
    expect(report.propagation).toMatchObject({ propagator: "ours", contextManager: "ours", tracerProvider: "other" });
    expect(report.roundTrip?.parent).toBe("client span");
  });
});

describe("doctor, for an app without an SDK", PROCESSES, () => {
  it("reports that there is no context manager and no instrumentation of fetch", async () => {
    const { of, report, summary } = await diagnose(SERVER);
    expect(summary).toMatchObject({ code: 1, errors: ["context-manager", "fetch"], warnings: ["sdk"] });
    expect(of("context-manager")[0]?.remedy).toContain("setupPropagation()");
    expect(of("fetch")[0]).toMatchObject({
      message: expect.stringContaining("the global fetch is not instrumented. The trace ends here."),
      remedy: expect.stringContaining("node --import a2a-otel/register app.js"),
    });
    expect(report.roundTrip).toMatchObject({ traceparents: [], parent: "none", received: {} });
  });

  it.each([
    { how: "--import", args: ["--import", "a2a-otel/register"], env: {} },
    { how: "NODE_OPTIONS", args: [], env: { NODE_OPTIONS: "--import a2a-otel/register" } },
  ])("sees that a2a-otel/register, loaded by $how, forwards the trace", async ({ args, env }) => {
    const { of, report, summary } = await diagnose(SERVER, { args, env });
    expect(summary).toMatchObject({ code: 0, errors: [], warnings: ["sdk"] });
    expect(of("context-manager")[0]?.message).toMatch(/^A context manager .* is registered by a2a-otel/);
    expect(report.roundTrip).toMatchObject({ parent: "caller", sameTrace: true, tracestate: true, baggage: true, continued: true });
    expect(report.roundTrip).not.toHaveProperty("clientSpans");
  });

  it("warns if OTEL_SDK_DISABLED=true is the reason", async () => {
    const code = `${sdk()} import { setupPropagation } from "a2a-otel/setup";
      if (process.env.OTEL_SDK_DISABLED !== "true") startSdk(); else setupPropagation();
      ${FETCH} ${SERVER}`;
    const diagnosis = await diagnose(code, { env: { OTEL_SDK_DISABLED: "true" } });
    expect(diagnosis.summary).toMatchObject({ code: 0, warnings: ["env-disabled", "sdk"] });
    expect(diagnosis.of("sdk")[0]?.message).toContain("OTEL_SDK_DISABLED=true requests this");
  });

  it("reports an error if the package of an SDK is loaded, because the SDK starts too late", async () => {
    const { code, of } = await diagnose(`${sdk()} setTimeout(startSdk, 60_000); ${FETCH} ${SERVER}`);
    expect(code).toBe(1);
    expect(of("sdk")[0]).toMatchObject({
      level: "error",
      message: expect.stringContaining("@opentelemetry/sdk-trace is loaded, but no SDK is registered at this moment"),
      remedy: expect.stringContaining("--wait 5000"),
    });
  });
});
