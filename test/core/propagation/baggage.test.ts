import {
  ROOT_CONTEXT,
  baggageEntryMetadataFromString,
  defaultTextMapGetter,
  defaultTextMapSetter,
  propagation,
} from "@opentelemetry/api";
import type { Baggage, BaggageEntry } from "@opentelemetry/api";
import { W3CBaggagePropagator, suppressTracing } from "@opentelemetry/core";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { sizeOf, w3cBaggagePropagator } from "../../../src/core/propagation/baggage.ts";

const stock = new W3CBaggagePropagator();
const ours = w3cBaggagePropagator();

function headersOf(propagator: typeof ours, baggage: Baggage): object {
  const headers = {};
  propagator.inject(propagation.setBaggage(ROOT_CONTEXT, baggage), headers, defaultTextMapSetter);
  return headers;
}

// Graphemes have no lone surrogates, for which both propagators throw; see the last test.
const text = fc.string({ unit: "grapheme", maxLength: 40 });
const entry = fc
  .record({ value: text, metadata: fc.option(text, { nil: undefined }) })
  .map(({ value, metadata }): BaggageEntry => ({
    value,
    ...(metadata !== undefined && { metadata: baggageEntryMetadataFromString(metadata) }),
  }));
const baggages = fc
  .array(fc.tuple(text, entry), { maxLength: 200 })
  .map((members) => propagation.createBaggage(Object.fromEntries(members)));

describe("w3cBaggagePropagator()", () => {
  it("writes the same header as W3CBaggagePropagator, also the second time", () => {
    fc.assert(
      fc.property(baggages, fc.tuple(text, entry), (baggage, [key, member]) => {
        const expected = headersOf(stock, baggage);
        expect(headersOf(ours, baggage)).toEqual(expected);
        expect(headersOf(ours, baggage)).toEqual(expected);
        expect(sizeOf(baggage)).toBe(baggage.getAllEntries().length);
        const changed = baggage.setEntry(key, member);
        expect(headersOf(ours, changed)).toEqual(headersOf(stock, changed));
        expect(headersOf(ours, baggage)).toEqual(expected);
      }),
    );
  });

  it("reads the same baggage as W3CBaggagePropagator", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), text), (header) => {
        const read = (propagator: typeof ours): unknown =>
          propagation.getBaggage(propagator.extract(ROOT_CONTEXT, { baggage: header }, defaultTextMapGetter))?.getAllEntries();
        expect(read(ours)).toEqual(read(stock));
      }),
    );
    expect(ours.fields()).toEqual(stock.fields());
  });

  it("encodes a baggage once for several requests", () => {
    const baggage = propagation.createBaggage({ tenant: { value: "acme" } });
    const getAllEntries = vi.spyOn(baggage, "getAllEntries");
    for (let i = 0; i < 10; i++) expect(headersOf(ours, baggage)).toEqual({ baggage: "tenant=acme" });
    expect(getAllEntries.mock.calls.length).toBeLessThanOrEqual(2);
  });

  it("encodes a Baggage of another implementation each time since it may change", () => {
    const members: [string, BaggageEntry][] = [["tenant", { value: "acme" }]];
    const changing = { getAllEntries: () => members } as unknown as Baggage;
    expect(headersOf(ours, changing)).toEqual({ baggage: "tenant=acme" });
    members.push(["user", { value: "jo" }]);
    expect(headersOf(ours, changing)).toEqual({ baggage: "tenant=acme,user=jo" });
    expect(sizeOf(changing)).toBe(2);
  });

  it("writes nothing for no baggage, an empty baggage and a suppressed context", () => {
    const headers = {};
    ours.inject(ROOT_CONTEXT, headers, defaultTextMapSetter);
    const within = propagation.setBaggage(ROOT_CONTEXT, propagation.createBaggage({ tenant: { value: "acme" } }));
    ours.inject(suppressTracing(within), headers, defaultTextMapSetter);
    expect(headers).toEqual({});
    expect(headersOf(ours, propagation.createBaggage())).toEqual({});
  });

  it("throws for a value that cannot be encoded, like W3CBaggagePropagator", () => {
    const broken = propagation.createBaggage({ tenant: { value: "\ud800" } });
    expect(() => headersOf(stock, broken)).toThrow(URIError);
    for (let i = 0; i < 2; i++) expect(() => headersOf(ours, broken)).toThrow(URIError);
  });
});
