import * as api from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import type { PropagationSetup } from "a2a-otel/diagnostics";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkContextManager } from "../../src/doctor/checks/context-manager.ts";
import { collectFindings } from "../../src/doctor/findings.ts";
import type { Finding } from "../../src/doctor/findings.ts";

async function findingOf(setup: Partial<PropagationSetup>, cameWithFirstCall: boolean): Promise<Finding> {
  const findings = collectFindings((text) => text);
  const defaults: PropagationSetup = { fields: [], propagator: "none", contextManager: "ours", tracerProvider: "none" };
  await checkContextManager(findings, api, { ...defaults, ...setup }, cameWithFirstCall);
  return findings.all[0] as Finding;
}

describe("checkContextManager()", () => {
  beforeEach(() => void api.context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable()));
  afterEach(() => api.context.disable());

  it("reports an error if the context manager came with the first call and an SDK had started spans before", async () => {
    const finding = await findingOf({ tracerProvider: "other" }, true);
    expect(finding).toMatchObject({ level: "error", message: expect.stringContaining("so the first trace is broken") });
    expect(finding.remedy).toContain("setupPropagation()");
  });

  it("accepts a context manager that came with the first call without an SDK", async () => {
    const finding = await findingOf({}, true);
    expect(finding).toMatchObject({ level: "ok", message: expect.stringContaining("when the first call was made") });
  });

  it("accepts a context manager that was registered before the first call", async () => {
    expect(await findingOf({ tracerProvider: "other" }, false)).toMatchObject({ level: "ok" });
  });
});
