import "./tracing.ts";
import { Message, SendMessageRequest } from "@a2a-js/sdk";
import { AgentEvent } from "@a2a-js/sdk/server";
import { startAgent } from "./a2a-server.ts";
// #region readme
import { ClientFactory } from "@a2a-js/sdk/client";
import { wrapA2AClient } from "a2a-otel/a2a";
import { instrumentFetch } from "a2a-otel/fetch";

// instrumentFetch creates the HTTP span, wrapA2AClient a CLIENT span for the A2A method above it.
instrumentFetch();
const ask = async (url: string, request: SendMessageRequest): Promise<Message> => {
  const client = wrapA2AClient(await new ClientFactory().createFromUrl(url));
  return (await client.sendMessage(request)) as Message;
};
// #endregion

const agent = await startAgent(async ({ contextId }, bus) => {
  bus.publish(AgentEvent.message(Message.fromJSON({ messageId: "2", contextId, parts: [{ text: "hello" }] })));
  bus.finished();
});
const message = { messageId: "1", role: "ROLE_USER", parts: [{ text: "hi" }] };
const { parts } = await ask(agent.url, SendMessageRequest.fromJSON({ message }));
console.log(parts[0]?.content?.value);
agent.close();
