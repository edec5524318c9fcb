import type { StubAnswer, StubApi, StubEvent } from "./server.ts";

interface Tool {
  readonly name?: string;
  readonly function?: { readonly name: string };
}

interface Item {
  readonly role?: string;
  readonly type?: string;
}

/** The OpenAI-compatible API: chat completions, responses and embeddings. The model calls the first tool once, and then answers "done". */
export const openai: StubApi = (path, body) => {
  if (path.endsWith("/chat/completions")) return chat(body);
  if (path.endsWith("/responses")) return responses(body);
  return path.endsWith("/embeddings") ? embeddings(body) : undefined;
};

function chat({ messages, tools, stream, stream_options: options }: Record<string, unknown>): StubAnswer {
  const tool = calledTool(tools, messages);
  const call = { id: "call_1", type: "function", function: { name: tool, arguments: '{"task":"add"}' } };
  const message =
    tool === undefined ? { role: "assistant", content: "done" } : { role: "assistant", content: null, tool_calls: [call] };
  const reason = tool === undefined ? "stop" : "tool_calls";
  const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };
  const base = { id: "chatcmpl-1", created: 1, model: "stub" };
  if (stream !== true) {
    return { json: { ...base, object: "chat.completion", choices: [{ index: 0, message, finish_reason: reason }], usage } };
  }
  const chunk = (delta: object, finish: string | null = null): StubEvent => ({
    data: { ...base, object: "chat.completion.chunk", choices: [{ index: 0, delta, finish_reason: finish }] },
  });
  const deltas =
    tool === undefined
      ? [{ role: "assistant", content: "do" }, { content: "ne" }]
      : [{ role: "assistant", tool_calls: [{ index: 0, ...call }] }];
  const usageChunk = { data: { ...base, object: "chat.completion.chunk", choices: [], usage } };
  const isUsageWanted = (options as { include_usage?: boolean } | undefined)?.include_usage === true;
  return {
    events: [...deltas.map((delta) => chunk(delta)), chunk({}, reason), ...(isUsageWanted ? [usageChunk] : []), { data: "[DONE]" }],
  };
}

function responses({ input, tools, stream }: Record<string, unknown>): StubAnswer {
  const tool = calledTool(tools, input);
  const output =
    tool === undefined
      ? {
          id: "msg_1",
          type: "message",
          role: "assistant",
          status: "completed",
          content: [{ type: "output_text", text: "done", annotations: [] }],
        }
      : { id: "fc_1", type: "function_call", call_id: "call_1", name: tool, arguments: '{"task":"add"}', status: "completed" };
  const usage = {
    input_tokens: 3,
    output_tokens: 2,
    total_tokens: 5,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens_details: { reasoning_tokens: 0 },
  };
  const base = {
    id: "resp_1",
    object: "response",
    created_at: 1,
    model: "stub",
    error: null,
    incomplete_details: null,
    metadata: {},
    tools: [],
  };
  const whole = { ...base, status: "completed", output: [output], usage };
  if (stream !== true) return { json: whole };
  const types: [string, object][] = [
    ["response.created", { response: { ...base, status: "in_progress", output: [] } }],
    [
      "response.output_item.added",
      { output_index: 0, item: tool === undefined ? { ...output, content: [] } : { ...output, arguments: "" } },
    ],
    ...(tool === undefined ? textEvents() : argumentEvents()),
    ["response.output_item.done", { output_index: 0, item: output }],
    ["response.completed", { response: whole }],
  ];
  return { events: types.map(([type, data], index) => ({ event: type, data: { type, sequence_number: index, ...data } })) };
}

function textEvents(): [string, object][] {
  const place = { item_id: "msg_1", output_index: 0, content_index: 0 };
  return [
    ["response.content_part.added", { ...place, part: { type: "output_text", text: "", annotations: [] } }],
    ["response.output_text.delta", { ...place, delta: "do" }],
    ["response.output_text.delta", { ...place, delta: "ne" }],
    ["response.output_text.done", { ...place, text: "done" }],
    ["response.content_part.done", { ...place, part: { type: "output_text", text: "done", annotations: [] } }],
  ];
}

function argumentEvents(): [string, object][] {
  const place = { item_id: "fc_1", output_index: 0 };
  return [
    ["response.function_call_arguments.delta", { ...place, delta: '{"task":"add"}' }],
    ["response.function_call_arguments.done", { ...place, arguments: '{"task":"add"}' }],
  ];
}

function embeddings({ input, encoding_format: format }: Record<string, unknown>): StubAnswer {
  const numbers = [0.25, 0.5];
  const embedding = format === "base64" ? Buffer.from(Float32Array.from(numbers).buffer).toString("base64") : numbers;
  const data = (Array.isArray(input) ? input : [input]).map((_, index) => ({ object: "embedding", index, embedding }));
  return { json: { object: "list", data, model: "stub", usage: { prompt_tokens: 1, total_tokens: 1 } } };
}

/** The name of the first tool, unless the conversation has its result already. */
function calledTool(tools: unknown, conversation: unknown): string | undefined {
  const items = Array.isArray(conversation) ? (conversation as Item[]) : [];
  const hasResult = items.some(({ role, type }) => role === "tool" || type === "function_call_output");
  const [tool] = Array.isArray(tools) ? (tools as Tool[]) : [];
  return hasResult ? undefined : (tool?.name ?? tool?.function?.name);
}
