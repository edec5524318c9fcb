import http from "node:http";
import https from "node:https";
import { afterAll } from "vitest";
import { forgetActiveCalls } from "./active-calls.ts";
import { clearGlobals } from "./telemetry.ts";

/**
 * Set-up of the suites whose files share a process: checks after each file that it has undone what it replaced, and resets what cannot be undone.
 * An import of undici sets the dispatcher of Node's own fetch, and `@hono/node-server` replaces `Request` and `Response`.
 */
const DISPATCHER = Symbol.for("undici.globalDispatcher.1");
const KEY = Symbol.for("a2a-otel.test.process");

interface Replaceable {
  readonly fetch: typeof fetch;
  readonly "http.request": typeof http.request;
  readonly "http.get": typeof http.get;
  readonly "https.request": typeof https.request;
  readonly "http.Server.prototype.emit": unknown;
}

function replaceable(): Replaceable {
  return {
    fetch: globalThis.fetch,
    "http.request": http.request,
    "http.get": http.get,
    "https.request": https.request,
    "http.Server.prototype.emit": Reflect.get(http.Server.prototype, "emit"),
  };
}

const globals = globalThis as unknown as Record<symbol, unknown>;

interface Originals {
  readonly functions: Replaceable;
  readonly dispatcher: unknown;
  readonly Request: unknown;
  readonly Response: unknown;
}

async function readOriginals(): Promise<Originals> {
  await fetch("data:,"); // Node's fetch sets its dispatcher when it is first used.
  const { Request, Response } = globalThis;
  return { functions: replaceable(), dispatcher: globals[DISPATCHER], Request, Response };
}

const originals = (globals[KEY] ??= readOriginals()) as ReturnType<typeof readOriginals>;
const { functions, dispatcher, Request, Response } = await originals;

afterAll(() => {
  clearGlobals();
  forgetActiveCalls();
  globals[DISPATCHER] = dispatcher;
  for (const [name, value] of Object.entries({ Request, Response })) Object.defineProperty(globalThis, name, { value });
  const now = replaceable();
  const replaced = (Object.keys(now) as (keyof Replaceable)[]).filter((name) => now[name] !== functions[name]);
  if (replaced.length > 0) {
    throw new Error(
      `This file leaves ${replaced.join(", ")} replaced. Undo it, or let the file run in a process of its own (suites.ts).`,
    );
  }
});
