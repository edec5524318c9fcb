import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Child } from "../support/child.ts";
import { ROUTES, serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { CLIENTS, EXITED_NORMALLY, waitForReport, run, sorted, span, start as startProgram, stopAll, reports } from "./programs.ts";

const LONG_TIMEOUT = { timeout: 60_000 };

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

describe("SIGTERM during calls and streams", () => {
  it("lets the SDK flush the ended spans and the process exit", LONG_TIMEOUT, async () => {
    const child = start("terminated", { MODE: "leave" });
    await waitForReport(child, "ready");
    child.send("SIGTERM");
    expect(await child.ended).toEqual(EXITED_NORMALLY);
    expect(child.errors()).toBe("");
    expect(sorted(reports(child, "span"))).toEqual(sorted(CLIENTS.map((name) => span(`/ok?${name}`, 200))));
  });

  it("ends the spans of cancelled calls without an error before the process exits", LONG_TIMEOUT, async () => {
    const child = start("terminated", { MODE: "cancel" });
    await waitForReport(child, "ready");
    child.send("SIGTERM");
    expect(await child.ended).toEqual(EXITED_NORMALLY);
    expect(child.errors()).toBe("");
    const wanted = CLIENTS.flatMap((name) => [
      span(`/ok?${name}`, 200),
      span(`/endless?${name}`, 200),
      span(`/stall?${name}`, null),
    ]);
    expect(sorted(reports(child, "span"))).toEqual(sorted(wanted));
  });

  it("kills a program without a listener, since the library adds none", LONG_TIMEOUT, async () => {
    const code = `
      const events = ["SIGTERM", "SIGINT", "exit", "beforeExit", "uncaughtException", "unhandledRejection"];
      const before = events.map((event) => process.listenerCount(event));
      const { reading } = await import("./test/process/programs/kit.ts");
      await reading((await fetch("${server.url}/endless")).body);
      void fetch("${server.url}/stall");
      const after = events.map((event) => process.listenerCount(event));
      console.log(JSON.stringify(["listeners", [before, after]]));`;
    const child = run(code, {}, ["./dist/register.js"]);
    await waitForReport(child, "listeners");
    const [[before, after]] = reports(child, "listeners") as [[unknown, unknown]];
    expect(after).toEqual(before);
    child.send("SIGTERM");
    expect(await child.ended).toEqual({ code: null, signal: "SIGTERM" });
    expect(child.errors()).toBe("");
  });
});

describe("SIGTERM during a request", () => {
  it("flushes both spans and sends the response if the server closes gracefully", LONG_TIMEOUT, async () => {
    const child = start("serving", { MODE: "gracefully" });
    await waitForReport(child, "port");
    const answer = fetch(`http://127.0.0.1:${String(reports(child, "port")[0])}/work`, { headers: { connection: "close" } });
    await waitForReport(child, "handling");
    child.send("SIGTERM");
    expect(await (await answer).text()).toBe("200");
    expect(await child.ended).toEqual(EXITED_NORMALLY);
    expect(child.errors()).toBe("");
    expect(reports(child, "span")).toEqual([span("/slow", 200), span("/work", 200, { kind: 1 })]);
  });

  it("ends the span if the server destroys its connections", LONG_TIMEOUT, async () => {
    const child = start("serving", { MODE: "at once" });
    await waitForReport(child, "port");
    const answer = fetch(`http://127.0.0.1:${String(reports(child, "port")[0])}/work`);
    answer.catch(() => {});
    await waitForReport(child, "handling");
    child.send("SIGTERM");
    await expect(answer).rejects.toThrow("fetch failed");
    expect(await child.ended).toEqual(EXITED_NORMALLY);
    expect(child.errors()).toBe("");
    expect(reports(child, "span")).toContainEqual(span("/work", null, { kind: 1 }));
  });
});

it("does not keep a program alive whose calls are still open", LONG_TIMEOUT, async () => {
  const both = ["yes", "no"].map((traced) => start("ending", { TRACED: traced }));
  expect(await Promise.all(both.map(({ ended }) => ended))).toEqual([EXITED_NORMALLY, EXITED_NORMALLY]);
  const [traced, plain] = both as [Child, Child];
  const [one, other] = both.flatMap((child) => reports(child, "exit") as { code: number; milliseconds: number }[]);
  expect(one!.code).toBe(0);
  expect(other!.code).toBe(0);
  // A referenced timer of the library would keep the process for three seconds.
  expect(one!.milliseconds - other!.milliseconds).toBeLessThan(1500);
  expect(traced.errors()).toBe("");
  expect(plain.errors()).toBe("");
  const wanted = CLIENTS.flatMap((name) => {
    const spans = [span(`/ok?${name}-read`, 200), span(`/endless?${name}-left`, 200)];
    // A Node stream waits for its reader, however little is left of it.
    return name === "axios" || name === "got" ? spans : [...spans, span(`/ok?${name}-small-unread`, 200)];
  });
  expect(sorted(reports(traced, "span"))).toEqual(sorted(wanted));
});

it("reports an unhandled failure once and a handled one never, as without the library", LONG_TIMEOUT, async () => {
  const both = ["yes", "no"].map((traced) => start("rejecting", { TRACED: traced }));
  expect(await Promise.all(both.map(({ ended }) => ended))).toEqual([EXITED_NORMALLY, EXITED_NORMALLY]);
  const [traced, plain] = both as [Child, Child];
  expect(traced.output()).toBe(plain.output());
  for (const name of CLIENTS) {
    expect(reports(traced, `${name}, handled`)).toEqual([[]]);
    expect((reports(traced, `${name}, not handled`)[0] as string[]).length).toBe(5);
  }
});
