import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { json } from "node:stream/consumers";
import { wrapGot } from "a2a-otel/got";
import { traceRequests } from "a2a-otel/server/node";
import got from "got";
import { connectToDemo } from "./agent.ts";
import { inSpan } from "./telemetry.ts";

const http = wrapGot(got, { startSpanHook: () => ({ "demo.client": "got" }) });

const agent = connectToDemo("checker");
await agent.listen(createServer(traceRequests((request, response) => void answer(request, response))));

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.url !== "/check") {
    response.writeHead(404).end();
    return;
  }
  const { claims } = (await json(request)) as { claims: string[] };
  const unsupported = await inSpan("check claims", {}, () => check(claims));
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ unsupported }));
}

/** Returns the claims that are not in the researcher's notes word for word. */
async function check(claims: readonly string[]): Promise<string[]> {
  const notes = await http(`${await agent.urlOf("researcher")}/notes`).text();
  return claims.filter((claim) => !notes.includes(claim));
}
