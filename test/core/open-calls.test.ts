import { ROOT_CONTEXT } from "@opentelemetry/api";
import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import { CallContext } from "../../src/core/call-context.ts";
import { closeCall, findCall, openCall, openCalls } from "../../src/core/open-calls.ts";
import type { OpenCall } from "../../src/core/open-calls.ts";

interface TestCall extends OpenCall {
  suppressing: boolean;
}

const callOf = (id: string): TestCall => ({ id, place: -1, suppressing: false });

afterEach(() => void (openCalls.length = 0));

test("in any order of opening and closing exactly the open calls are found", () => {
  const step = fc.record({ opens: fc.boolean(), which: fc.nat(30) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      openCalls.length = 0;
      const open = new Map<string, TestCall>();
      for (const { opens, which } of steps) {
        const id = `call ${which}`;
        const known = open.get(id);
        if (opens && known === undefined) {
          const call = callOf(id);
          openCall(call);
          open.set(id, call);
        } else if (!opens && known !== undefined) {
          closeCall(known);
          open.delete(id);
        }
        for (let i = 0; i <= 30; i++) expect(findCall(`call ${i}`, ROOT_CONTEXT)).toBe(open.get(`call ${i}`));
      }
      expect(openCalls).toHaveLength(open.size);
    }),
  );
});

test("a call is closed once, also if the list was emptied behind its back", () => {
  const [first, second] = [callOf("first"), callOf("second")];
  openCall(first);
  openCall(second);
  closeCall(first);
  closeCall(first);
  expect(openCalls).toEqual([second]);
  openCalls.length = 0;
  closeCall(second);
  expect(openCalls).toEqual([]);
});

test("the call of a context is found there while it is open, and not afterwards", () => {
  const call = callOf("mine");
  const within = new CallContext(ROOT_CONTEXT, undefined, call);
  expect(findCall("mine", within)).toBeUndefined();
  openCall(call);
  expect(findCall("mine", within)).toBe(call);
  expect(findCall("other", within)).toBeUndefined();
  closeCall(call);
  expect(findCall("mine", within)).toBeUndefined();
});
