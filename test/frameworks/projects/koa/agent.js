import { Router } from "@koa/router";
import Koa from "koa";
import OpenAI from "openai";
import { createServer } from "node:http";
import { Readable } from "node:stream";
import { MODEL_URL, askNext, isTraced, listen, runOperation } from "./serve.js";

const client = new OpenAI({ baseURL: `${MODEL_URL}/v1`, apiKey: "key" });
const messages = [{ role: "user", content: "Add 1 and 2" }];
const text = async () => (await client.chat.completions.create({ model: "stub", messages })).choices[0].message.content;

/** The answer is read when the middleware has returned. */
async function* answer() {
  for await (const { choices } of await client.chat.completions.create({ model: "stub", messages, stream: true })) {
    yield choices[0]?.delta.content ?? "";
  }
  yield ` ${await askNext("add")}`;
}

const app = new Koa();
if (isTraced) {
  const { traceRequests } = await import("a2a-otel/server/koa");
  app.use(traceRequests());
}
const router = new Router();
const operations = { text, tools: async () => `${await askNext("add")} ${await text()}`, stream: () => "" };
router.get("/:operation", async (ctx) => {
  ctx.body = await runOperation(operations, { url: ctx.url, rawHeaders: ctx.req.rawHeaders });
  if (ctx.params.operation === "stream") ctx.body = Readable.from(answer());
});
app.use(router.routes());
await listen(createServer(app.callback()));
