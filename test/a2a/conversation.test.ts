import { ProxyTracerProvider, ROOT_CONTEXT, SpanKind, context, propagation, trace } from "@opentelemetry/api";
import { TracerProvider } from "@opentelemetry/sdk-trace";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { afterAll, beforeEach, expect, it } from "vitest";
import { baggageSpanProcessor } from "../../src/a2a.ts";
import { startTelemetry } from "../support/telemetry.ts";
import { completes, connect, drain, request, startAgent } from "./agents.ts";
import type { Agent, AgentSetup } from "./agents.ts";

const telemetry = startTelemetry();
afterAll(() => telemetry.stop());
beforeEach(() => telemetry.reset());

/** An agent that notes the baggage in the context of its executor. */
async function listening(setup: AgentSetup = {}): Promise<{ agent: Agent; heard: Record<string, string>[] }> {
  const heard: Record<string, string>[] = [];
  const agent = await startAgent({
    ...setup,
    execute: (executing, bus) => {
      const entries = propagation.getActiveBaggage()?.getAllEntries() ?? [];
      heard.push(Object.fromEntries(entries.map(([key, { value }]) => [key, value])));
      return (setup.execute ?? completes)(executing, bus);
    },
  });
  return { agent, heard };
}

it("adds nothing to baggage by default", async () => {
  const { agent, heard } = await listening();
  await (await connect(agent)).sendMessage(request({ contextId: "c-1" }));
  expect(heard).toEqual([{}]);
  await agent.close();
});

it("adds the conversation to the baggage of calls and streams, and keeps other members", async () => {
  const { agent, heard } = await listening();
  const client = await connect(agent, { conversationBaggage: ["gen_ai.conversation.id"] });
  const baggage = propagation.createBaggage({ team: { value: "blue" }, "gen_ai.conversation.id": { value: "outer" } });
  await context.with(propagation.setBaggage(ROOT_CONTEXT, baggage), async () => {
    await client.sendMessage(request({ contextId: "c-1" }));
    await drain(client.sendMessageStream(request({ contextId: "c-2" })));
    // The first message has no context id yet, so that the conversation in the active baggage stays.
    await client.sendMessage(request());
    expect(propagation.getActiveBaggage()?.getEntry("gen_ai.conversation.id")?.value).toBe("outer");
  });
  expect(heard.map((entries) => entries["gen_ai.conversation.id"])).toEqual(["c-1", "c-2", "outer"]);
  expect(heard.map(({ team }) => team)).toEqual(["blue", "blue", "blue"]);
  await agent.close();
});

it("adds named association properties of Traceloop, of Langfuse, and of the active span", async () => {
  const { agent, heard } = await listening();
  const names = [
    "traceloop.association.properties.chat_id",
    "user_tier",
    "langfuse_session_id",
    "user.id",
    "app.workflow",
    "not.there",
  ];
  const client = await connect(agent, { conversationBaggage: names });
  const active = ROOT_CONTEXT.setValue(Symbol.for("association_properties"), { chat_id: "chat-1", user_tier: 2, secret: "s" })
    .setValue(Symbol.for("langfuse_session_id"), "session-1")
    .setValue(Symbol.for("langfuse_user_id"), "user-1");
  const span = trace.getTracer("application").startSpan("agent", { attributes: { "app.workflow": "w-1" } }, active);
  await context.with(trace.setSpan(active, span), () => client.sendMessage(request()));
  span.end();
  expect(heard).toEqual([
    {
      "traceloop.association.properties.chat_id": "chat-1",
      user_tier: "2",
      langfuse_session_id: "session-1",
      "user.id": "user-1",
      "app.workflow": "w-1",
    },
  ]);
  await agent.close();
});

it("passes the conversation on to agents that an executor calls, if the handler has the option", async () => {
  const inner = await listening({ name: "inner" });
  const outer = await listening({
    name: "outer",
    a2a: { conversationBaggage: ["gen_ai.conversation.id"] },
    execute: async (executing, bus) => {
      await (await connect(inner.agent)).sendMessage(request());
      completes(executing, bus);
    },
  });
  await (await connect(outer.agent)).sendMessage(request({ contextId: "c-7" }));
  expect(inner.heard).toEqual([{ "gen_ai.conversation.id": "c-7" }]);
  await Promise.all([inner.agent.close(), outer.agent.close()]);
});

it("adds the conversation without an SDK too", async () => {
  const { agent, heard } = await listening();
  const client = await connect(agent, {
    conversationBaggage: ["gen_ai.conversation.id"],
    tracerProvider: new ProxyTracerProvider(),
  });
  await client.sendMessage(request({ contextId: "c-1" }));
  expect(heard).toEqual([{ "gen_ai.conversation.id": "c-1" }]);
  await agent.close();
});

it("copies the named baggage members to each span that starts, with baggageSpanProcessor()", () => {
  const spans: ReadableSpan[] = [];
  const provider = new TracerProvider({
    spanProcessors: [
      baggageSpanProcessor(["gen_ai.conversation.id", "not.there"]),
      {
        onStart: () => {},
        onEnd: (span) => void spans.push(span),
        forceFlush: () => Promise.resolve(),
        shutdown: () => Promise.resolve(),
      },
    ],
  });
  const tracer = provider.getTracer("application");
  tracer.startSpan("without").end();
  const baggage = propagation.createBaggage({ "gen_ai.conversation.id": { value: "c-1" }, other: { value: "x" } });
  tracer.startSpan("with", { kind: SpanKind.SERVER }, propagation.setBaggage(ROOT_CONTEXT, baggage)).end();
  expect(spans.map(({ attributes }) => attributes)).toEqual([{}, { "gen_ai.conversation.id": "c-1" }]);
});

it("throws in baggageSpanProcessor() for an argument that is not a list of names", () => {
  expect(() => baggageSpanProcessor("gen_ai.conversation.id" as never)).toThrow("keys must be an array of strings");
});
