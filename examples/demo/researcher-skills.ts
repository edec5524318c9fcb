import { readFileSync } from "node:fs";
import { Message, Task, TaskArtifactUpdateEvent, TaskStatusUpdateEvent } from "@a2a-js/sdk";
import { AgentEvent } from "@a2a-js/sdk/server";
import type { AgentExecutor, ExecutionEventBus, RequestContext } from "@a2a-js/sdk/server";
import { traceInterceptor } from "a2a-otel/undici";
import { Agent, request } from "undici";
import { chat } from "./model.ts";
import { inSpan } from "./telemetry.ts";
import { keywords, sentences, words } from "./text.ts";

/** The text that the researcher works on. */
export const notes: string = readFileSync(new URL("notes.txt", import.meta.url), "utf8");

/** The result of the skill `analyze`. */
export interface Analysis {
  readonly words: number;
  readonly sentences: number;
  readonly keywords: readonly string[];
  readonly gist: string;
}

const dispatcher = new Agent().compose(traceInterceptor({ startSpanHook: () => ({ "demo.client": "undici" }) }));

/** The executor of the researcher's two skills: `analyze` responds with one message, `quote` with a stream. */
export function researcherSkills(writer: () => Promise<string>): AgentExecutor {
  return {
    execute: async (context, bus) => {
      const [skill, ...topics] = textOf(context.userMessage).split(" ");
      if (skill === "analyze") await inSpan("analyze", {}, () => analyze(context, bus, writer));
      else await inSpan("quote", {}, () => quote(context, bus, topics));
    },
    cancelTask: () => Promise.reject(new Error("these tasks are too short to be cancelled")),
  };
}

async function analyze({ contextId }: RequestContext, bus: ExecutionEventBus, writer: () => Promise<string>): Promise<void> {
  // The writer's style guide decides how many quotes the report contains.
  const { body } = await request(`${await writer()}/style-guide`, { dispatcher });
  const { quotes } = (await body.json()) as { quotes: number };
  const analysis: Analysis = {
    words: words(notes).length,
    sentences: sentences(notes).length,
    keywords: keywords(notes, quotes),
    gist: await chat(`Which sentence is most about ${keywords(notes, 10).join(", ")}?`, notes),
  };
  bus.publish(
    AgentEvent.message(
      Message.fromJSON({ messageId: crypto.randomUUID(), contextId, role: "ROLE_AGENT", parts: [{ data: analysis }] }),
    ),
  );
}

async function quote({ taskId, contextId }: RequestContext, bus: ExecutionEventBus, topics: readonly string[]): Promise<void> {
  bus.publish(AgentEvent.task(Task.fromJSON({ id: taskId, contextId, status: { state: "TASK_STATE_WORKING" } })));
  let rest = notes;
  for (const topic of topics) {
    // One after the other, because a sentence is quoted only once.
    // oxlint-disable-next-line no-await-in-loop
    const found = await chat(`What do the notes say about ${topic}?`, rest);
    rest = rest.replace(found, "");
    const artifact = { artifactId: topic, parts: [{ text: found }] };
    bus.publish(AgentEvent.artifactUpdate(TaskArtifactUpdateEvent.fromJSON({ taskId, contextId, artifact, lastChunk: true })));
  }
  const status = { state: "TASK_STATE_COMPLETED" };
  bus.publish(AgentEvent.statusUpdate(TaskStatusUpdateEvent.fromJSON({ taskId, contextId, status })));
}

function textOf({ parts }: Message): string {
  return parts.map(({ content }) => (content?.$case === "text" ? content.value : "")).join(" ");
}
