import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import {
  activeCalls,
  addActiveCall,
  findByTraceparent,
  findIssuers,
  removeActiveCall,
} from "../../../src/core/calls/active-calls.ts";
import type { ActiveCall } from "../../../src/core/calls/active-calls.ts";

const makeCall = (traceparent: string | undefined, issued: readonly string[] = []): ActiveCall => ({
  traceparent,
  registryIndex: -1,
  hasIssued: (headers) => headers.some((value) => issued.includes(String(value))),
  awaits: () => false,
});

afterEach(() => expect(activeCalls).toEqual([]));

describe("the registry of active calls", () => {
  it("finds exactly the active calls, in any order of adding and removing", () => {
    const step = fc.record({ adds: fc.boolean(), which: fc.nat(30) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const active = new Map<string, ActiveCall>();
        for (const { adds, which } of steps) {
          const traceparent = `call ${which}`;
          const known = active.get(traceparent);
          if (adds && known === undefined) {
            const call = makeCall(traceparent);
            addActiveCall(call);
            active.set(traceparent, call);
          } else if (!adds && known !== undefined) {
            removeActiveCall(known);
            active.delete(traceparent);
          }
          for (let i = 0; i <= 30; i++) expect(findByTraceparent(`call ${i}`)).toBe(active.get(`call ${i}`));
        }
        expect(activeCalls).toHaveLength(active.size);
        for (const call of active.values()) removeActiveCall(call);
      }),
    );
  });

  it("adds and removes a call once", () => {
    const first = makeCall("first");
    const second = makeCall("second");
    for (const call of [first, first, second]) addActiveCall(call);
    removeActiveCall(first);
    removeActiveCall(first);
    expect(activeCalls).toEqual([second]);
    removeActiveCall(second);
  });

  it("finds the issuers of a header only among calls without a traceparent of their own", () => {
    const shared = [makeCall(undefined, ["user=1"]), makeCall(undefined, ["user=1", "user=2"])];
    const identified = makeCall("own", ["user=1"]);
    for (const call of [...shared, identified]) addActiveCall(call);
    expect(findIssuers(["baggage", "user=1"])).toEqual(shared);
    expect(findIssuers(["baggage", "user=2"])).toEqual([shared[1]]);
    expect(findIssuers(["baggage", "user=3"])).toEqual([]);
    for (const call of [...shared, identified]) removeActiveCall(call);
  });
});
