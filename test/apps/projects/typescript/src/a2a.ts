import { AgentCard, SendMessageRequest } from "@a2a-js/sdk";
import type { Client } from "@a2a-js/sdk/client";
import { ClientFactory } from "@a2a-js/sdk/client";
import { DefaultRequestHandler, InMemoryTaskStore } from "@a2a-js/sdk/server";
import type { AgentExecutor } from "@a2a-js/sdk/server";
import { TracerProvider } from "@opentelemetry/sdk-trace";
import { baggageSpanProcessor, wrapA2AClient, wrapRequestHandler } from "a2a-otel/a2a";
import type { A2AOptions, BaggageSpanProcessor } from "a2a-otel/a2a";
import { same } from "./type.js";

const options: A2AOptions = { polling: "suppress", conversationBaggage: ["gen_ai.conversation.id"] };
const client = wrapA2AClient(await new ClientFactory().createFromUrl("https://agent.example"), options);
same<typeof client, Client>();
const answer = await client.sendMessage(SendMessageRequest.fromJSON({}));
export const id = "id" in answer ? answer.id : answer.messageId;

declare const executor: AgentExecutor;
const handler = wrapRequestHandler(new DefaultRequestHandler(AgentCard.fromJSON({}), new InMemoryTaskStore(), executor), options);
same<typeof handler, DefaultRequestHandler>();

const processor = baggageSpanProcessor(["gen_ai.conversation.id"]);
same<typeof processor, BaggageSpanProcessor>();
export const provider = new TracerProvider({ spanProcessors: [processor] });
// @ts-expect-error no client
wrapA2AClient({});
// @ts-expect-error names, not one name
baggageSpanProcessor("tenant");
