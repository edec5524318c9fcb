import { channel } from "node:diagnostics_channel";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { getDiagnostics, redactText } from "../src/diagnostics.ts";
import { instrumentFetch, wrapFetch } from "../src/fetch.ts";
import { ROUTES, serve } from "./support/server.ts";
import type { TestServer } from "./support/server.ts";
import { clearGlobals, startTelemetry } from "./support/telemetry.ts";

describe("getDiagnostics() without an SDK", () => {
  afterEach(() => {
    vi.unstubAllEnvs();
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
    clearGlobals();
  });

  it("reports that nothing is registered and nothing is in progress", () => {
    const { propagation, isFetchInstrumented, activeCalls } = getDiagnostics();
    expect(propagation).toEqual({ fields: [], propagator: "none", contextManager: "none", tracerProvider: "none" });
    expect(isFetchInstrumented).toBe(false);
    expect(activeCalls).toEqual([]);
  });

  it("reports the fields of the default propagator", () => {
    expect(getDiagnostics().fields).toEqual(["traceparent", "tracestate", "baggage"]);
  });

  it("reports no fields if OTEL_PROPAGATORS is none", () => {
    vi.stubEnv("OTEL_PROPAGATORS", "none");
    expect(getDiagnostics().fields).toEqual([]);
  });

  it("reports whether the global fetch is instrumented", () => {
    const undo = instrumentFetch();
    expect(getDiagnostics().isFetchInstrumented).toBe(true);
    undo();
    expect(getDiagnostics().isFetchInstrumented).toBe(false);
  });

  it("reports no instrumented fetch on a platform without a global fetch", () => {
    vi.stubGlobal("fetch", undefined);
    expect(getDiagnostics().isFetchInstrumented).toBe(false);
  });

  it("reports no other subscribers on a platform without diagnostics channels", () => {
    vi.spyOn(process, "getBuiltinModule").mockImplementation(() => undefined);
    expect(getDiagnostics().otherUndiciSubscribers).toBe(0);
  });
});

describe("getDiagnostics() with an SDK", () => {
  let server: TestServer;
  beforeEach(async () => {
    server = await serve(ROUTES);
  });
  afterEach(() => server.close());

  it("reports the calls in progress with their spans", async () => {
    const telemetry = startTelemetry();
    const abort = new AbortController();
    let span: unknown;
    const send = wrapFetch(fetch, { requestHook: (started) => void (span = started) });
    const response = send(`${server.url}/stall`, { signal: abort.signal });
    const [call, ...others] = getDiagnostics().activeCalls;
    expect(others).toEqual([]);
    expect(call?.span).toBe(span);
    expect(call?.traceparent).toContain(call?.span?.spanContext().spanId);
    abort.abort();
    await expect(response).rejects.toThrow("aborted");
    expect(getDiagnostics().activeCalls).toEqual([]);
    await telemetry.stop();
  });

  it("counts the subscribers to undici's channel that are not part of a2a-otel", async () => {
    const telemetry = startTelemetry();
    await (await wrapFetch(fetch)(`${server.url}/ok`)).text();
    const before = getDiagnostics().otherUndiciSubscribers;
    const foreign = (): void => {};
    const created = channel("undici:request:create");
    created.subscribe(foreign);
    expect(getDiagnostics().otherUndiciSubscribers).toBe(before + 1);
    created.unsubscribe(foreign);
    expect(before).toBe(0);
    await telemetry.stop();
  });
});

describe("redactText()", () => {
  it.each([
    ["http://user:pass@agent.example/", "http://REDACTED:REDACTED@agent.example/"],
    ["?access_token=abc&x=1", "?access_token=REDACTED&x=1"],
    ["DB_PASSWORD=abc", "DB_PASSWORD=REDACTED"],
    ['"api-key": "abc"', '"api-key": "REDACTED"'],
    ["authorization: Bearer abc", "authorization: Bearer REDACTED"],
    ["plain text, x=1", "plain text, x=1"],
  ])("of %s is %s", (text, expected) => {
    expect(redactText(text)).toBe(expected);
  });
});
