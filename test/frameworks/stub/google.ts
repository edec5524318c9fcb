import type { StubApi } from "./server.ts";

interface Declared {
  readonly functionDeclarations?: readonly { readonly name: string }[];
}

/** The Gemini API. The model calls the first function once, and then answers "done". */
export const google: StubApi = (path, { contents, tools }) => {
  const [, method] = /:(generateContent|streamGenerateContent|embedContent|batchEmbedContents)\b/.exec(path) ?? [];
  if (method === undefined) return undefined;
  if (method === "embedContent") return { json: { embedding: { values: [0.25, 0.5] } } };
  if (method === "batchEmbedContents") return { json: { embeddings: [{ values: [0.25, 0.5] }] } };
  const name = calledFunction(tools, contents);
  const part = name === undefined ? { text: "done" } : { functionCall: { name, args: { task: "add" } } };
  const json = {
    candidates: [{ content: { role: "model", parts: [part] }, finishReason: "STOP", index: 0 }],
    usageMetadata: { promptTokenCount: 3, candidatesTokenCount: 2, totalTokenCount: 5 },
    modelVersion: "stub",
  };
  return method === "generateContent" ? { json } : { events: [{ data: json }] };
};

function calledFunction(tools: unknown, contents: unknown): string | undefined {
  if (JSON.stringify(contents).includes('"functionResponse"')) return undefined;
  const declared = Array.isArray(tools) ? (tools as Declared[]) : [];
  return declared.flatMap(({ functionDeclarations = [] }) => functionDeclarations)[0]?.name;
}
