import { ROOT_CONTEXT } from "@opentelemetry/api";
import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import { CallContext } from "../../../src/core/context/call-context.ts";
import { removeActiveCall, findActiveCall, addActiveCall, activeCalls } from "../../../src/core/calls/active-calls.ts";
import type { ActiveCall } from "../../../src/core/calls/active-calls.ts";

interface TestCall extends ActiveCall {
  suppressing: boolean;
}

const callOf = (id: string): TestCall => ({ id, place: -1, suppressing: false });

afterEach(() => void (activeCalls.length = 0));

test("in any order of opening and closing exactly the open calls are found", () => {
  const step = fc.record({ opens: fc.boolean(), which: fc.nat(30) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      activeCalls.length = 0;
      const open = new Map<string, TestCall>();
      for (const { opens, which } of steps) {
        const id = `call ${which}`;
        const known = open.get(id);
        if (opens && known === undefined) {
          const call = callOf(id);
          addActiveCall(call);
          open.set(id, call);
        } else if (!opens && known !== undefined) {
          removeActiveCall(known);
          open.delete(id);
        }
        for (let i = 0; i <= 30; i++) expect(findActiveCall(`call ${i}`, ROOT_CONTEXT)).toBe(open.get(`call ${i}`));
      }
      expect(activeCalls).toHaveLength(open.size);
    }),
  );
});

test("a call is closed once, also if the list was emptied behind its back", () => {
  const [first, second] = [callOf("first"), callOf("second")];
  addActiveCall(first);
  addActiveCall(second);
  removeActiveCall(first);
  removeActiveCall(first);
  expect(activeCalls).toEqual([second]);
  activeCalls.length = 0;
  removeActiveCall(second);
  expect(activeCalls).toEqual([]);
});

test("the call of a context is found there while it is open, and not afterwards", () => {
  const call = callOf("mine");
  const within = new CallContext(ROOT_CONTEXT, undefined, call);
  expect(findActiveCall("mine", within)).toBeUndefined();
  addActiveCall(call);
  expect(findActiveCall("mine", within)).toBe(call);
  expect(findActiveCall("other", within)).toBeUndefined();
  removeActiveCall(call);
  expect(findActiveCall("mine", within)).toBeUndefined();
});
