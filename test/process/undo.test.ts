import type { ServerResponse } from "node:http";
import { create } from "axios";
import * as fc from "fast-check";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { instrumentAxios } from "../../src/axios.ts";
import { instrumentFetch } from "../../src/fetch.ts";
import { LONG_TIMEOUT, runs } from "../properties/run-options.ts";
import { serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { startTelemetry, traceparentOf, until } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { waitForReport, run, stopAll, reports } from "./programs.ts";

let server: TestServer;
let held: ServerResponse[] = [];
let telemetry: TestTelemetry;
let otherCopy: { instrumentFetch: typeof instrumentFetch; instrumentAxios: typeof instrumentAxios };
beforeAll(async () => {
  server = await serve({
    "/held": (_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" }).write("data: first\n\n");
      held.push(response);
    },
    "*": (_, response) => void response.end("answer"),
  });
  vi.resetModules();
  const copies = [import("../../src/fetch.ts"), import("../../src/axios.ts")] as const;
  otherCopy = { ...(await copies[0]), ...(await copies[1]) };
  expect(otherCopy.instrumentFetch).not.toBe(instrumentFetch);
});
afterAll(() => server.close());
beforeEach(() => void (telemetry = startTelemetry()));
afterEach(async () => {
  await telemetry.stop();
  await stopAll();
});

type Copy = "ours" | "another";

/** Something that is instrumented in place, by the library and by others, in any order. */
interface Subject {
  readonly instrument: (copy: Copy) => () => void;
  /** Adds the wrapper of another package and returns a function that removes it, by force if `isRude`, else only if it is the outermost. */
  readonly wrap: () => (isRude: boolean) => void;
  /** Whether a call is expected to be traced now. */
  readonly isTraced: () => boolean;
  readonly call: (path: string) => Promise<string>;
  /** The state that undoing must restore. */
  readonly snapshot: () => unknown;
  /** How many wrappers of other packages the library removed. */
  readonly lost: () => number;
}

/** The library's own instrumentation: by which copy, and for how many owners. */
interface Layer {
  copy: Copy;
  owners: number;
}

/** The undo function of one owner, which counts once. */
function owner(layer: Layer | undefined, undo: () => void): () => void {
  let undone = false;
  return () => {
    undo();
    if (layer !== undefined && !undone) layer.owners--;
    undone = true;
  };
}

function globalFetch(): Subject {
  const layers = new Map<typeof fetch, { beneath: typeof fetch; layer?: Layer }>();
  let lost = 0;
  const countingLosses = (undo: () => void) => (): void => {
    const top = globalThis.fetch;
    undo();
    if (globalThis.fetch !== top && layers.get(top)?.layer === undefined) lost++;
  };
  return {
    instrument: (copy) => {
      const beneath = globalThis.fetch;
      const undo = (copy === "ours" ? instrumentFetch : otherCopy.instrumentFetch)();
      if (globalThis.fetch !== beneath) layers.set(globalThis.fetch, { beneath, layer: { copy, owners: 0 } });
      const layer = layers.get(globalThis.fetch)?.layer;
      // One wrapper serves all copies, until the last of them undoes it.
      if (layer === undefined) return countingLosses(undo);
      layer.owners++;
      return owner(layer, countingLosses(undo));
    },
    wrap: () => {
      const beneath = globalThis.fetch;
      const foreign: typeof fetch = (input, init) => beneath(input, { ...init });
      globalThis.fetch = foreign;
      layers.set(foreign, { beneath });
      return (isRude) => {
        if (isRude || globalThis.fetch === foreign) globalThis.fetch = beneath;
      };
    },
    isTraced: () => {
      for (let at = layers.get(globalThis.fetch); at !== undefined; at = layers.get(at.beneath)) {
        if (at.layer !== undefined && at.layer.owners > 0) return true;
      }
      return false;
    },
    call: async (path) => (await fetch(server.url + path)).text(),
    snapshot: () => Object.getOwnPropertyDescriptor(globalThis, "fetch"),
    lost: () => lost,
  };
}

function axiosInstance(): Subject {
  const instance = create({ responseType: "text" });
  const { request: interceptors } = instance.interceptors;
  let layer: Layer = { copy: "ours", owners: 0 };
  return {
    instrument: (copy) => {
      const undo = (copy === "ours" ? instrumentAxios : otherCopy.instrumentAxios)(instance);
      if (layer.owners === 0) layer = { copy, owners: 0 };
      if (layer.copy !== copy) return undo;
      layer.owners++;
      return owner(layer, undo);
    },
    wrap: () => {
      const id = interceptors.use(async (config) => config);
      return (isRude) => (isRude ? interceptors.clear() : interceptors.eject(id));
    },
    isTraced: () => layer.owners > 0,
    call: async (path) => (await instance.get<string>(server.url + path)).data,
    snapshot: () => {
      const { handlers: _, ...own } = Object.getOwnPropertyDescriptors(interceptors) as Record<string, PropertyDescriptor>;
      return [own, { ...instance.defaults }];
    },
    lost: () => 0,
  };
}

const SUBJECTS: Record<string, () => Subject> = { "the global fetch": globalFetch, "an axios instance": axiosInstance };

type Step =
  | { do: "instrument"; copy: Copy }
  | { do: "wrap" | "hold" | "release" }
  | { do: "undo"; which: number }
  | { do: "unwrap"; which: number; isRude: boolean };

const WHICH = fc.nat({ max: 5 });
const STEP: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("instrument" as const), copy: fc.constantFrom<Copy>("ours", "another") }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("undo" as const), which: WHICH }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constantFrom("wrap" as const, "hold" as const, "release" as const) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("unwrap" as const), which: WHICH, isRude: fc.boolean() }) },
);

interface Outcome {
  answers: string[];
  /** Bodies of calls that were in flight while wrappers were added and removed. */
  streams: string[];
  /** The URLs of the spans, each found by the one `traceparent` on the wire. */
  traced: (string | undefined)[];
  spans: number;
  isTracedInTheEnd: boolean;
  snapshot: unknown;
  lost: number;
}

/** Runs the steps, makes a call after each, and undoes everything. */
async function walk(make: () => Subject, steps: readonly Step[]): Promise<{ outcome: Outcome; wanted: Outcome }> {
  const subject = make();
  const before = subject.snapshot();
  const undos: (() => void)[] = [];
  const unwraps: ((isRude: boolean) => void)[] = [];
  const open: Promise<string>[] = [];
  const traced: string[] = [];
  const answers: string[] = [];
  telemetry.reset();
  server.requests.length = 0;
  held = [];

  let calls = 0;
  const call = (path: string): Promise<string> => {
    const asked = `${path}?${calls++}`;
    if (subject.isTraced()) traced.push(server.url + asked);
    return subject.call(asked);
  };
  const take = async (step: Step): Promise<void> => {
    if (step.do === "instrument") undos.push(subject.instrument(step.copy));
    else if (step.do === "undo") undos[step.which % undos.length]?.();
    else if (step.do === "wrap") unwraps.push(subject.wrap());
    else if (step.do === "unwrap") unwraps[step.which % unwraps.length]?.(step.isRude);
    else if (step.do === "release") held.shift()?.end();
    else {
      const waiting = held.length + 1;
      open.push(call("/held"));
      await until(() => held.length >= waiting);
    }
  };
  for (const step of steps) {
    await take(step);
    answers.push(await call("/ok"));
  }
  for (const unwrap of unwraps.toReversed()) unwrap(true);
  for (const undo of undos) undo();
  const isTracedInTheEnd = subject.isTraced();
  answers.push(await call("/ok"));
  for (const response of held) response.end();
  const streams = await Promise.all(open);
  await telemetry.settled();

  const urls = new Map(telemetry.own().map((span) => [traceparentOf(span), String(span.attributes["url.full"])]));
  const sent = server.requests.flatMap((request) => server.values("traceparent", request).map((value) => urls.get(value)));
  // Another package's wrapper restores the library's in the end, so that only the unwrapped state can be compared.
  const snapshot = unwraps.length === 0 ? subject.snapshot() : before;
  return {
    outcome: { answers, streams, traced: sent, spans: telemetry.started(), isTracedInTheEnd, snapshot, lost: subject.lost() },
    wanted: {
      answers: answers.map(() => "answer"),
      streams: streams.map(() => "data: first\n\n"),
      traced,
      spans: traced.length,
      isTracedInTheEnd: false,
      snapshot: before,
      lost: 0,
    },
  };
}

/** Another package restores the library's wrapper after it was undone. It must not trace any more. */
const RESTORED_AFTER_UNDO: Step[] = [
  { do: "instrument", copy: "ours" },
  { do: "wrap" },
  { do: "undo", which: 0 },
  { do: "unwrap", which: 0, isRude: false },
  { do: "instrument", copy: "ours" },
];

describe.each(Object.entries(SUBJECTS))("%s", (_, make) => {
  it(
    "is traced exactly as long as an owner is left, in any order and with calls in flight, and is then restored",
    LONG_TIMEOUT,
    async () => {
      const platform = Object.getOwnPropertyDescriptor(globalThis, "fetch")!;
      const property = fc.asyncProperty(fc.array(STEP, { minLength: 1, maxLength: 12 }), async (steps) => {
        try {
          const { outcome, wanted } = await walk(make, steps);
          expect(outcome).toEqual(wanted);
        } finally {
          Object.defineProperty(globalThis, "fetch", platform);
        }
      });
      await fc.assert(property, { ...runs(60), examples: [[RESTORED_AFTER_UNDO]] });
    },
  );
});

it("does not undo the instrumentation that another copy added afterwards", async () => {
  const instance = create({ responseType: "text" });
  const before = Object.getOwnPropertyDescriptors(instance.interceptors.request);
  otherCopy.instrumentAxios(instance)();
  const undo = instrumentAxios(instance);
  otherCopy.instrumentAxios(instance)();
  const undoAgain = instrumentAxios(instance);
  await instance.get(`${server.url}/ok`);
  await telemetry.ended(1);
  undo();
  undoAgain();
  expect(Object.getOwnPropertyDescriptors(instance.interceptors.request)).toEqual(before);
});

it("keeps the instrumentation of register while others instrument and undo theirs", LONG_TIMEOUT, async () => {
  const code = `
    import { getDiagnostics } from "a2a-otel/diagnostics";
    import { instrumentFetch } from "a2a-otel/fetch";
    import { instrumentNode } from "a2a-otel/node";
    const native = fetch;
    const undos = [instrumentFetch(), instrumentNode()];
    const both = fetch !== native;
    for (const undo of [...undos, ...undos]) undo();
    console.log(JSON.stringify(["fetch", { both, after: fetch === native }]));
    console.log(JSON.stringify(["traced", getDiagnostics().isNodeInstrumented]));`;
  const child = run(code, {}, ["./dist/register.js"]);
  await waitForReport(child, "traced");
  expect(reports(child, "fetch")).toEqual([{ both: true, after: true }]);
  expect(reports(child, "traced")).toEqual([true]);
});
