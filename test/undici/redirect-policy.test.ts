import { ROOT_CONTEXT, context, propagation, trace } from "@opentelemetry/api";
import { AlwaysOffSampler, AlwaysOnSampler } from "@opentelemetry/sdk-trace";
import { Agent, interceptors } from "undici";
import { afterEach, expect, it } from "vitest";
import { traceInterceptor } from "../../src/undici.ts";
import { serve } from "../support/server.ts";
import { startTelemetry } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";

let telemetry: TestTelemetry;
afterEach(() => telemetry.stop());

it.each(["sampled", "unsampled", "without an SDK"])(
  "removes baggage that the policy withholds from the target of an inner redirect, %s",
  async (mode) => {
    telemetry = startTelemetry({ sampler: mode === "sampled" ? new AlwaysOnSampler() : new AlwaysOffSampler() });
    if (mode === "without an SDK") trace.disable();
    const other = await serve({ "/": (_, response) => response.end("ok") });
    const ours = await serve({ "/": (_, response) => response.writeHead(307, { location: other.url }).end() });
    const redirect = interceptors.redirect({ maxRedirections: 3 });
    const dispatcher = new Agent().compose(redirect, traceInterceptor({ baggageTo: new URL(ours.url).host }));
    const remote = { traceId: "1".repeat(32), spanId: "2".repeat(16), traceFlags: 1, isRemote: true };
    const parent = propagation.setBaggage(
      trace.setSpanContext(ROOT_CONTEXT, remote),
      propagation.createBaggage({ tenant: { value: "acme" } }),
    );
    await context.with(parent, async () => {
      const { body } = await dispatcher.request({ origin: ours.url, path: "/", method: "GET" });
      expect(await body.text()).toBe("ok");
    });
    expect(ours.requests.map(({ headers }) => headers["baggage"])).toEqual(["tenant=acme"]);
    expect(other.requests.map(({ headers }) => headers["baggage"])).toEqual([undefined]);
    expect(other.requests[0]?.headers["traceparent"]).toContain(remote.traceId);
    await Promise.all([ours.close(), other.close(), dispatcher.close()]);
  },
);
