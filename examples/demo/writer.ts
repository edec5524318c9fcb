import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { json } from "node:stream/consumers";
import { instrumentAxios } from "a2a-otel/axios";
import { traceRequests } from "a2a-otel/server/node";
import axios from "axios";
import { connectToDemo } from "./agent.ts";
import { chat } from "./model.ts";
import type { Analysis } from "./researcher-skills.ts";
import { inSpan } from "./telemetry.ts";

instrumentAxios(axios, { startSpanHook: () => ({ "demo.client": "axios" }) });

const agent = connectToDemo("writer");
await agent.listen(createServer(traceRequests((request, response) => void answer(request, response))));

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.url === "/style-guide") {
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ quotes: 3 }));
  } else if (request.url === "/report") {
    const findings = (await json(request)) as Findings;
    const report = await inSpan("write report", {}, () => write(findings));
    response.writeHead(200, { "content-type": "text/plain" }).end(report);
  } else {
    response.writeHead(404).end();
  }
}

interface Findings {
  readonly analysis: Analysis;
  readonly quotes: readonly string[];
}

async function write({ analysis, quotes }: Findings): Promise<string> {
  const lead = await chat("Which of these belongs at the top?", [analysis.gist, ...quotes].join("\n"));
  const body = [...new Set([lead, analysis.gist, ...quotes])];
  const { data } = await axios.post<{ unsupported: string[] }>(`${await agent.urlOf("checker")}/check`, { claims: body });
  const supported = body.filter((claim) => !data.unsupported.includes(claim));
  const title = `${analysis.words} words in ${analysis.sentences} sentences, about ${analysis.keywords.join(", ")}:`;
  return [title, ...supported.map((claim) => `- ${claim}`)].join("\n");
}
