import { describe, expect, test } from "vitest";
import { FETCH, PROCESSES, SERVER, diagnose, sdk } from "./app.ts";

const UNDICI = `
  import { UndiciInstrumentation } from "@opentelemetry/instrumentation-undici";
  new UndiciInstrumentation();
`;
const TRACEPARENT = /^00-[\da-f]{32}-[\da-f]{16}-01$/;

describe("an app in which all is well", PROCESSES, () => {
  test("has no error and no warning, and is ended though its server goes on", async () => {
    const { code, ids, report, of, stderr } = await diagnose(
      `${sdk()} startSdk(); ${FETCH} ${SERVER} console.log("the app's own words");`,
    );
    expect([ids("error"), ids("warning")]).toEqual([[], []]);
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
    expect(of("sdk")[0]?.message).toContain("TracerProvider, with the sampler ParentBased{root=AlwaysOnSampler}");
    expect(of("sdk")[0]?.message).toContain("Spans go to SimpleSpanProcessor (InMemorySpanExporter).");
    expect(of("service")[0]?.message).toBe('Spans are of the service "agent".');
    expect(of("round-trip")[0]?.message).toMatch(
      /arrived after [\d.]+ ms with one traceparent, of the caller's trace: its parent is the one CLIENT span/,
    );
    expect(of("spans")[0]?.message).toContain(report.roundTrip?.traceId);
    expect(stderr).toContain("the app's own words");
  });

  test("also beside instrumentation-undici: one header, one span", async () => {
    const { code, report, of } = await diagnose(`${sdk()} startSdk(); ${UNDICI} ${FETCH} ${SERVER}`);
    expect(code).toBe(0);
    expect(report.roundTrip?.traceparents).toHaveLength(1);
    expect(report.roundTrip?.clientSpans).toEqual([{ name: "GET", scope: "a2a-otel" }]);
    expect(of("instrumentations")[0]?.message).toMatch(
      /a subscriber to undici's channels.* Loaded: @opentelemetry\/instrumentation-undici [\d.]+\./,
    );
  });

  test("also with instrumentation-undici alone", async () => {
    const { code, report, of } = await diagnose(`${sdk()} startSdk(); ${UNDICI} ${SERVER}`);
    expect(code).toBe(0);
    expect(report.roundTrip?.clientSpans).toEqual([{ name: "GET", scope: "@opentelemetry/instrumentation-undici" }]);
    expect(of("round-trip")[0]?.message).toContain('the one CLIENT span, "GET" of @opentelemetry/instrumentation-undici');
  });

  test("also where the SDK starts after instrumentFetch() and setupPropagation()", async () => {
    const { code, report, ids } = await diagnose(
      `import { setupPropagation } from "a2a-otel/setup"; ${FETCH} setupPropagation();
       ${sdk({ manager: "undefined", propagator: "undefined" })} setTimeout(startSdk, 200); ${SERVER}`,
      { args: ["--wait", "1500"] },
    );
    expect([code, ids("warning")]).toEqual([0, []]);
    expect(report.propagation).toMatchObject({ propagator: "ours", contextManager: "ours", tracerProvider: "other" });
    expect(report.roundTrip?.parent).toBe("client span");
  });
});

describe("without an SDK", PROCESSES, () => {
  test("and with nothing else: there is no context manager, and nobody instruments fetch", async () => {
    const { code, ids, of, report } = await diagnose(SERVER);
    expect([code, ids("error"), ids("warning")]).toEqual([1, ["context-manager", "fetch"], ["sdk"]]);
    expect(of("context-manager")[0]?.remedy).toContain("setupPropagation()");
    expect(of("fetch")[0]).toMatchObject({
      message: expect.stringContaining("nobody instruments the global fetch, so the trace ends here"),
      remedy: expect.stringContaining("node --import a2a-otel/register app.js"),
    });
    expect(report.roundTrip).toMatchObject({ traceparents: [], parent: "none", received: {} });
  });

  test.each([
    { how: "--import", args: ["--import", "a2a-otel/register"], env: {} },
    { how: "NODE_OPTIONS", args: [], env: { NODE_OPTIONS: "--import a2a-otel/register" } },
  ])("a2a-otel/register by $how passes the trace on", async ({ args, env }) => {
    const { code, ids, of, report } = await diagnose(SERVER, { args, env });
    expect([code, ids("error"), ids("warning")]).toEqual([0, [], ["sdk"]]);
    expect(of("context-manager")[0]?.message).toContain("a2a-otel/register sets one when the first call comes");
    expect(report.roundTrip).toMatchObject({ parent: "caller", sameTrace: true, tracestate: true, baggage: true, continued: true });
    expect(report.roundTrip).not.toHaveProperty("clientSpans");
  });

  test("since OTEL_SDK_DISABLED=true: a warning, and no more", async () => {
    const code = `${sdk()} import { setupPropagation } from "a2a-otel/setup";
      if (process.env.OTEL_SDK_DISABLED !== "true") startSdk(); else setupPropagation();
      ${FETCH} ${SERVER}`;
    const diagnosis = await diagnose(code, { env: { OTEL_SDK_DISABLED: "true" } });
    expect([diagnosis.code, diagnosis.ids("warning")]).toEqual([0, ["env-disabled", "sdk"]]);
    expect(diagnosis.of("sdk")[0]?.message).toContain("OTEL_SDK_DISABLED=true asks for that");
  });

  test("though its package is loaded: it starts later than the look", async () => {
    const { code, of } = await diagnose(`${sdk()} setTimeout(startSdk, 60_000); ${FETCH} ${SERVER}`);
    expect(code).toBe(1);
    expect(of("sdk")[0]).toMatchObject({
      level: "error",
      message: expect.stringContaining("@opentelemetry/sdk-trace is loaded, but no SDK is registered at this moment"),
      remedy: expect.stringContaining("--wait 5000"),
    });
  });
});
