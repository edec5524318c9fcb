import { SendMessageRequest } from "@a2a-js/sdk";
import { ClientFactory } from "@a2a-js/sdk/client";
import { instrumentFetch } from "a2a-otel/fetch";
import { connectToDemo } from "./agent.ts";
import type { Analysis } from "./researcher-skills.ts";
import { inSpan } from "./telemetry.ts";

// The A2A client and this file both call global fetch.
instrumentFetch({ startSpanHook: () => ({ "demo.client": "fetch" }) });

const agent = connectToDemo("orchestrator");
await agent.waitForPeers();
agent.report(await inSpan("orchestrate", {}, orchestrate));

async function orchestrate(): Promise<string> {
  const researcher = await new ClientFactory().createFromUrl(await agent.urlOf("researcher"));

  const reply = await researcher.sendMessage(message("analyze"));
  const content = "parts" in reply ? reply.parts[0]?.content : undefined;
  if (content?.$case !== "data") throw new Error("the researcher's reply holds no data");
  const analysis = content.value as Analysis;

  const quotes: string[] = [];
  for await (const { payload } of researcher.sendMessageStream(message(`quote ${analysis.keywords.join(" ")}`))) {
    if (payload?.$case !== "artifactUpdate") continue;
    for (const part of payload.value.artifact?.parts ?? []) {
      if (part.content?.$case === "text") quotes.push(part.content.value);
    }
  }

  const response = await fetch(`${await agent.urlOf("writer")}/report`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ analysis, quotes }),
  });
  if (!response.ok) throw new Error(`the writer answered ${response.status}`);
  return response.text();
}

function message(text: string): SendMessageRequest {
  return SendMessageRequest.fromJSON({
    message: { messageId: crypto.randomUUID(), role: "ROLE_USER", parts: [{ text }] },
  });
}
