import { ROOT_CONTEXT, propagation } from "@opentelemetry/api";
import type { TextMapPropagator } from "@opentelemetry/api";
import { expect, it } from "vitest";
import { extract, propagationSource } from "../../../src/core/propagation/propagator.ts";

/** Reads baggage as the stock propagator of @opentelemetry/core before 2.3 does: a member that cannot be decoded throws. */
const strict: TextMapPropagator = {
  fields: () => ["baggage"],
  inject: () => {},
  extract: (context, carrier, getter) => {
    const members = String(getter.get(carrier, "baggage")).split(",");
    const entries = members.map((member) => member.split("=").map(decodeURIComponent));
    return propagation.setBaggage(
      context,
      propagation.createBaggage(Object.fromEntries(entries.map(([key, value]) => [key, { value }]))),
    );
  },
};

it.each([
  ["a=1,b=%E0%A4%A,c=%C3%A4", { a: "1", c: "ä" }],
  ["a=1,%zz=2", { a: "1" }],
  ["a=100%25,c=%C3%A4", { a: "100%", c: "ä" }],
  ["a=1,c=2", { a: "1", c: "2" }],
])("of the baggage %s a member that cannot be decoded costs no other, whichever propagator reads it", (baggage, expected) => {
  const source = propagationSource(strict)();
  const context = extract(source!, { baggage }, ROOT_CONTEXT);
  const entries = propagation.getBaggage(context)?.getAllEntries() ?? [];
  expect(Object.fromEntries(entries.map(([key, { value }]) => [key, value]))).toEqual(expected);
});
