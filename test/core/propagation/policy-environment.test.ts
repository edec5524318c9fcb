import { afterEach, describe, expect, it, vi } from "vitest";
import { policyFromEnvironment } from "../../../src/core/propagation/policy-environment.ts";

afterEach(() => void vi.unstubAllEnvs());

describe("policyFromEnvironment()", () => {
  it("sets no option for a variable that is unset or empty", () => {
    vi.stubEnv("A2A_OTEL_PROPAGATE_TO", "");
    expect(policyFromEnvironment()).toEqual({});
  });

  it("reads comma-separated lists", () => {
    vi.stubEnv("A2A_OTEL_PROPAGATE_TO", "agent.example, *.internal.example");
    vi.stubEnv("A2A_OTEL_BAGGAGE_TO", "https://agent.example");
    vi.stubEnv("A2A_OTEL_BAGGAGE_KEYS", "user,not a host/");
    expect(policyFromEnvironment()).toEqual({
      propagateTo: ["agent.example", "*.internal.example"],
      baggageTo: ["https://agent.example"],
      baggageKeys: ["user", "not a host/"],
    });
  });

  it("throws a TypeError that names the variable of an invalid value", () => {
    vi.stubEnv("A2A_OTEL_BAGGAGE_TO", "agent.example/path");
    expect(policyFromEnvironment).toThrow(TypeError);
    expect(policyFromEnvironment).toThrow(/^a2a-otel\/register: environment variable A2A_OTEL_BAGGAGE_TO: /);
  });
});
