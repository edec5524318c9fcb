import { SendMessageRequest } from "@a2a-js/sdk";
import type { Part } from "@a2a-js/sdk";
import { ClientFactory } from "@a2a-js/sdk/client";
import type { Client } from "@a2a-js/sdk/client";
import { wrapA2AClient } from "a2a-otel/a2a";
import { instrumentFetch } from "a2a-otel/fetch";
import { connectToDemo } from "./agent.ts";
import type { AgentName } from "./protocol.ts";
import type { Analysis } from "./researcher-skills.ts";
import { inSpan } from "./telemetry.ts";

// The A2A SDK calls global fetch.
instrumentFetch({ startSpanHook: () => ({ "demo.client": "fetch" }) });

const agent = connectToDemo("orchestrator");
await agent.waitForPeers();
agent.report(await inSpan("orchestrate", {}, orchestrate));

async function orchestrate(): Promise<string> {
  const researcher = await connect("researcher");
  const analysis = await ask<Analysis>(researcher, [{ text: "analyze" }]);

  const quotes: string[] = [];
  for await (const { payload } of researcher.sendMessageStream(message([{ text: `quote ${analysis.keywords.join(" ")}` }]))) {
    if (payload?.$case === "artifactUpdate") quotes.push(...textsOf(payload.value.artifact?.parts));
  }

  return ask<string>(await connect("writer"), [{ data: { analysis, quotes } }]);
}

async function connect(name: AgentName): Promise<Client> {
  return wrapA2AClient(await new ClientFactory().createFromUrl(await agent.urlOf(name)));
}

/** Sends a message and returns the content of the reply. */
async function ask<Content>(client: Client, parts: readonly object[]): Promise<Content> {
  const reply = await client.sendMessage(message(parts));
  const content = "parts" in reply ? reply.parts[0]?.content : undefined;
  if (content === undefined) throw new Error("the reply has no content");
  return content.value as Content;
}

function message(parts: readonly object[]): SendMessageRequest {
  return SendMessageRequest.fromJSON({ message: { messageId: crypto.randomUUID(), role: "ROLE_USER", parts } });
}

function textsOf(parts: readonly Part[] = []): string[] {
  return parts.flatMap(({ content }) => (content?.$case === "text" ? [content.value] : []));
}
