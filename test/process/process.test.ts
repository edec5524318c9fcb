import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Child } from "../support/child.ts";
import { ROUTES, serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { CLIENTS, WELL, has, run, sorted, span, start as startProgram, stopAll, told } from "./programs.ts";

const PATIENT = { timeout: 60_000 };

let server: TestServer;
let refused: string;
beforeAll(async () => {
  server = await serve({ ...ROUTES, "/slow": (_, response) => void setTimeout(() => response.end("late"), 300) });
  const closed = await serve({});
  refused = closed.url;
  await closed.close();
});
afterAll(() => server.close());
afterEach(() => stopAll());

const start = (program: string, env: Record<string, string> = {}): Child =>
  startProgram(program, { SERVER: server.url, REFUSED: refused, ...env });

describe("SIGTERM in the middle of calls and streams", () => {
  it("what has ended is flushed by the SDK, and the process goes", PATIENT, async () => {
    const child = start("terminated", { MODE: "leave" });
    await has(child, "ready");
    child.send("SIGTERM");
    expect(await child.ended).toEqual(WELL);
    expect(child.errors()).toBe("");
    expect(sorted(told(child, "span"))).toEqual(sorted(CLIENTS.map((name) => span(`/ok?${name}`, 200))));
  });

  it(
    "calls that are then cancelled end their spans in time, none is an error, and nothing keeps the process",
    PATIENT,
    async () => {
      const child = start("terminated", { MODE: "cancel" });
      await has(child, "ready");
      child.send("SIGTERM");
      expect(await child.ended).toEqual(WELL);
      expect(child.errors()).toBe("");
      const wanted = CLIENTS.flatMap((name) => [
        span(`/ok?${name}`, 200),
        span(`/endless?${name}`, 200),
        span(`/stall?${name}`, null),
      ]);
      expect(sorted(told(child, "span"))).toEqual(sorted(wanted));
    },
  );

  it("a program that does not listen for it dies of it, at once: no listener of ours is in the way", PATIENT, async () => {
    const code = `
      const events = ["SIGTERM", "SIGINT", "exit", "beforeExit", "uncaughtException", "unhandledRejection"];
      const before = events.map((event) => process.listenerCount(event));
      const { reading } = await import("./test/process/programs/kit.ts");
      await reading((await fetch("${server.url}/endless")).body);
      void fetch("${server.url}/stall");
      const after = events.map((event) => process.listenerCount(event));
      console.log(JSON.stringify(["listeners", [before, after]]));`;
    const child = run(code, {}, ["./dist/register.js"]);
    await has(child, "listeners");
    const [[before, after]] = told(child, "listeners") as [[unknown, unknown]];
    expect(after).toEqual(before);
    const sent = performance.now();
    child.send("SIGTERM");
    expect(await child.ended).toEqual({ code: null, signal: "SIGTERM" });
    expect(performance.now() - sent).toBeLessThan(2000);
    expect(child.errors()).toBe("");
  });
});

describe("SIGTERM while a request is handled", () => {
  it("a server that closes finishes it: both spans are flushed, the caller has its answer", PATIENT, async () => {
    const child = start("serving", { MODE: "gracefully" });
    await has(child, "port");
    const answer = fetch(`http://127.0.0.1:${String(told(child, "port")[0])}/work`, { headers: { connection: "close" } });
    await has(child, "handling");
    child.send("SIGTERM");
    expect(await (await answer).text()).toBe("200");
    expect(await child.ended).toEqual(WELL);
    expect(child.errors()).toBe("");
    expect(told(child, "span")).toEqual([span("/slow", 200), span("/work", 200, { kind: 1 })]);
  });

  it("a server that cuts its connections ends its span too", PATIENT, async () => {
    const child = start("serving", { MODE: "at once" });
    await has(child, "port");
    const answer = fetch(`http://127.0.0.1:${String(told(child, "port")[0])}/work`);
    answer.catch(() => {});
    await has(child, "handling");
    child.send("SIGTERM");
    await expect(answer).rejects.toThrow("fetch failed");
    expect(await child.ended).toEqual(WELL);
    expect(child.errors()).toBe("");
    expect(told(child, "span")).toContainEqual(span("/work", null, { kind: 1 }));
  });
});

it("a program that has done its work ends by itself, as without us, whatever of its calls is still open", PATIENT, async () => {
  const both = ["yes", "no"].map((traced) => start("ending", { TRACED: traced }));
  expect(await Promise.all(both.map(({ ended }) => ended))).toEqual([WELL, WELL]);
  const [traced, plain] = both as [Child, Child];
  const [one, other] = both.flatMap((child) => told(child, "exit") as { code: number; milliseconds: number }[]);
  expect(one!.code).toBe(0);
  expect(other!.code).toBe(0);
  // A timer of ours would keep it for three seconds.
  expect(one!.milliseconds - other!.milliseconds).toBeLessThan(1500);
  expect(traced.errors()).toBe("");
  expect(plain.errors()).toBe("");
  const wanted = CLIENTS.flatMap((name) => {
    const spans = [span(`/ok?${name}-read`, 200), span(`/endless?${name}-left`, 200)];
    // A stream of Node's waits for its reader, however little is left of it.
    return name === "axios" || name === "got" ? spans : [...spans, span(`/ok?${name}-small-unread`, 200)];
  });
  expect(sorted(told(traced, "span"))).toEqual(sorted(wanted));
});

it("a failure that nobody handles is told of once, one that is handled never, as without us", PATIENT, async () => {
  const both = ["yes", "no"].map((traced) => start("rejecting", { TRACED: traced }));
  expect(await Promise.all(both.map(({ ended }) => ended))).toEqual([WELL, WELL]);
  const [traced, plain] = both as [Child, Child];
  expect(traced.output()).toBe(plain.output());
  for (const name of CLIENTS) {
    expect(told(traced, `${name}, handled`)).toEqual([[]]);
    expect((told(traced, `${name}, not handled`)[0] as string[]).length).toBe(5);
  }
});
