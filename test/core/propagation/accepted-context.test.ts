import { ROOT_CONTEXT, TraceFlags, propagation, trace } from "@opentelemetry/api";
import type { Baggage, Context } from "@opentelemetry/api";
import { describe, expect, it } from "vitest";
import { acceptedBaggage } from "../../../src/core/propagation/accepted-context.ts";

const SPAN = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331", traceFlags: TraceFlags.SAMPLED };
const TRACED = trace.setSpanContext(ROOT_CONTEXT, SPAN);

const baggageOf = (members: Record<string, string>): Baggage =>
  propagation.createBaggage(Object.fromEntries(Object.entries(members).map(([key, value]) => [key, { value }])));
const CARRYING = propagation.setBaggage(TRACED, baggageOf({ user: "1", tenant: "2" }));

describe("acceptedBaggage()", () => {
  const membersOf = (context: Context): object | undefined => {
    const entries = propagation.getBaggage(context)?.getAllEntries();
    return entries && Object.fromEntries(entries.map(([key, { value }]) => [key, value]));
  };
  const OWN = { tenant: "own", kept: "1" };
  const ALL = { user: "1", tenant: "2" };

  it.each<[boolean | readonly string[] | undefined, object | undefined, object | undefined]>([
    [undefined, ALL, ALL],
    [true, ALL, ALL],
    [["tenant", "none"], { tenant: "2" }, { tenant: "2" }],
    [["none"], undefined, OWN],
    [[], undefined, OWN],
    [false, undefined, OWN],
  ])(
    "filters the caller's baggage by %j and keeps the server's own baggage if no member is accepted",
    (accept, alone, besideOwn) => {
      expect(membersOf(acceptedBaggage(CARRYING, ROOT_CONTEXT, accept))).toEqual(alone);
      const base = propagation.setBaggage(ROOT_CONTEXT, baggageOf(OWN));
      const extracted = propagation.setBaggage(base, baggageOf(ALL));
      expect(membersOf(acceptedBaggage(extracted, base, accept))).toEqual(besideOwn);
    },
  );

  it.each<[boolean | readonly string[]]>([[["tenant"]], [[]], [false]])(
    "returns the context unchanged for %j if the caller sends no baggage",
    (accept) => {
      expect(acceptedBaggage(TRACED, ROOT_CONTEXT, accept)).toBe(TRACED);
      const base = propagation.setBaggage(ROOT_CONTEXT, baggageOf(OWN));
      const extracted = trace.setSpanContext(base, SPAN);
      expect(acceptedBaggage(extracted, base, accept)).toBe(extracted);
    },
  );
});
