import { describe, expect, it } from "vitest";
import { CallHeaders } from "../../../src/core/calls/call-headers.ts";
import { compilePolicy } from "../../../src/core/propagation/policy.ts";

const url = "http://agent.example/rpc";
const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const existing = { traceparent, baggage: "user=1,tenant=2" };
const noBaggage = compilePolicy("f", { baggageTo: [] });
const userOnly = compilePolicy("f", { baggageKeys: ["user"] });
const nothing = compilePolicy("f", { propagateTo: [] });

describe("CallHeaders.restrict()", () => {
  it("removes what the policy forbids of headers that an unknown issuer has set", () => {
    expect(CallHeaders.restrict({ policy: nothing, existing, url })).toEqual(new CallHeaders({}, ["traceparent", "baggage"]));
    expect(CallHeaders.restrict({ policy: userOnly, existing, url })).toEqual(new CallHeaders({ baggage: "user=1" }, ["baggage"]));
  });

  it("keeps headers that the issuer's own policy forbids, because the application has set them", () => {
    expect(CallHeaders.restrict({ policy: nothing, issuerPolicy: nothing, existing, url })).toBeUndefined();
    expect(CallHeaders.restrict({ policy: noBaggage, issuerPolicy: userOnly, existing, url })).toBeUndefined();
  });

  it("returns undefined if the policy allows all headers", () => {
    expect(CallHeaders.restrict({ policy: compilePolicy("f", {}), existing, url })).toBeUndefined();
  });
});
