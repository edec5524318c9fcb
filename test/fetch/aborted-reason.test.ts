import { setTimeout } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { wrapFetch } from "../../src/fetch.ts";
import { ROUTES, serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { startTelemetry } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";

let server: TestServer;
let telemetry: TestTelemetry;
beforeAll(async () => {
  server = await serve({ ...ROUTES, "/stream": (_, response) => void response.writeHead(200).write("first") });
});
afterAll(() => server.close());
beforeEach(() => void (telemetry = startTelemetry()));
afterEach(() => telemetry.stop());

describe("an aborted fetch whose response was not read", () => {
  it("does not keep the reason of the abort once its span has ended", async () => {
    const fetch = wrapFetch(globalThis.fetch);
    let reason: WeakRef<object> | undefined;
    await (async () => {
      const controller = new AbortController();
      const error = new Error("the user left");
      reason = new WeakRef(error);
      await fetch(`${server.url}/stream`, { signal: controller.signal });
      controller.abort(error);
    })();
    await telemetry.ended(1);
    // The platform itself lets go of the reason after some turns of the event loop.
    await expect
      .poll(
        async () => {
          await setTimeout(0);
          globalThis.gc?.();
          return reason?.deref() === undefined;
        },
        { interval: 5, timeout: 400 },
      )
      .toBe(true);
  });
});
