import type { AgentCard } from "@a2a-js/sdk";
import { TaskState } from "@a2a-js/sdk";
import { AgentEvent } from "@a2a-js/sdk/server";
import { trace } from "@opentelemetry/api";
import { TracerProvider } from "@opentelemetry/sdk-trace";
import { setupPropagation } from "../../src/setup.ts";
import { connect, drain, request, startAgent, task, update } from "./agents.ts";
import type { Binding, Version } from "./agents.ts";

/** An agent in a process of its own, which calls the next agent once it has received its URL, and sends its spans to the parent process. */
const { name, binding, version } = JSON.parse(process.argv[2] ?? "{}") as {
  name: string;
  binding: Binding;
  version: Version;
};

trace.setGlobalTracerProvider(
  new TracerProvider({
    spanProcessors: [
      {
        onStart: () => {},
        onEnd: (span) =>
          void process.send?.({
            span: {
              name: span.name,
              kind: span.kind,
              startTime: span.startTime,
              context: span.spanContext(),
              parentSpanContext: span.parentSpanContext,
            },
          }),
        forceFlush: () => Promise.resolve(),
        shutdown: () => Promise.resolve(),
      },
    ],
  }),
);
setupPropagation();
let next: AgentCard | undefined;
process.on("message", (card: AgentCard) => {
  next = card;
  process.send?.({ received: card.name });
});

const agent = await startAgent({
  name,
  binding,
  version,
  execute: async (executing, bus) => {
    bus.publish(AgentEvent.task(task(executing, TaskState.TASK_STATE_WORKING)));
    if (next !== undefined) await drain((await connect({ card: next })).sendMessageStream(request()));
    bus.publish(AgentEvent.statusUpdate(update(executing, TaskState.TASK_STATE_COMPLETED)));
  },
});
process.send?.({ card: agent.card });
process.on("disconnect", () => process.exit(0));
