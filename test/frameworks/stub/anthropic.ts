import type { StubAnswer, StubApi } from "./server.ts";

interface Message {
  readonly content?: unknown;
}

/** The Messages API of Anthropic. The model calls the first tool once, and then answers "done". */
export const anthropic: StubApi = (path, body) => (/\/messages(?:\?.*)?$/.test(path) ? messages(body) : undefined);

function messages({ messages: conversation, tools, stream }: Record<string, unknown>): StubAnswer {
  const tool = calledTool(tools, conversation);
  const block =
    tool === undefined ? { type: "text", text: "done" } : { type: "tool_use", id: "toolu_1", name: tool, input: { task: "add" } };
  const reason = tool === undefined ? "end_turn" : "tool_use";
  const base = { id: "msg_1", type: "message", role: "assistant", model: "stub", stop_sequence: null };
  const usage = { input_tokens: 3, output_tokens: 2 };
  if (stream !== true) return { json: { ...base, content: [block], stop_reason: reason, usage } };
  const isText = tool === undefined;
  const start = isText ? { type: "text", text: "" } : { ...block, input: {} };
  const delta = isText ? { type: "text_delta", text: "done" } : { type: "input_json_delta", partial_json: '{"task":"add"}' };
  const events: [string, object][] = [
    ["message_start", { message: { ...base, content: [], stop_reason: null, usage } }],
    ["content_block_start", { index: 0, content_block: start }],
    ["content_block_delta", { index: 0, delta }],
    ["content_block_stop", { index: 0 }],
    ["message_delta", { delta: { stop_reason: reason, stop_sequence: null }, usage: { output_tokens: 2 } }],
    ["message_stop", {}],
  ];
  return { events: events.map(([type, data]) => ({ event: type, data: { type, ...data } })) };
}

function calledTool(tools: unknown, conversation: unknown): string | undefined {
  const hasResult = (conversation as Message[]).some(({ content }) => JSON.stringify(content).includes('"tool_result"'));
  const [tool] = Array.isArray(tools) ? (tools as { name: string }[]) : [];
  return hasResult ? undefined : tool?.name;
}
