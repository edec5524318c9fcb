// The entry of a child process that runs one agent: an express app that calls a model and another agent for each request, and reports its CPU time and
// memory when it is asked.
import type { AddressInfo } from "node:net";
import { createRequire } from "node:module";
import { context } from "@opentelemetry/api";
import { instrumentFetch } from "a2a-otel/fetch";
import { traceRequests } from "a2a-otel/server/express";
import type { default as Express, Request, RequestHandler, Response } from "express";
import { endClientSpan, endServerSpan, startClientSpan, startServerSpan } from "../scenarios/sdk-baseline.ts";
import { activeInstrumentation } from "../whole-clients/instrumentation.ts";
import type { Tracing } from "../whole-clients/whole-client.ts";
import type { Backend } from "./backends.ts";

export interface AgentJob {
  readonly tracing: Tracing;
  readonly model: Backend;
  readonly otherAgent: Backend;
}

/** Sent to the parent once the agent listens. */
export interface Listening {
  readonly port: number;
}

/** Sent to the parent for each message from it. */
export interface Usage {
  /** CPU time of the process since it started, in microseconds. */
  readonly cpuTime: number;
  /** Resident set size, in bytes. */
  readonly memory: number;
}

const { tracing, model, otherAgent } = JSON.parse(process.argv[2] as string) as AgentJob;
activeInstrumentation(tracing);
if (tracing === "a2a-otel") instrumentFetch();

// Other instrumentations patch express when it is required.
const express = createRequire(import.meta.url)("express") as typeof Express;
const app = express();
if (tracing === "a2a-otel") app.use(traceRequests());
if (tracing === "baseline") app.use(startBaselineSpan);
app.use(express.json());
app.post("/rpc", (request, response) => answer(request, response));

const server = app.listen(0, "127.0.0.1", () => {
  const listening: Listening = { port: (server.address() as AddressInfo).port };
  process.send?.(listening);
});
process.on("message", () => {
  const { user, system } = process.cpuUsage();
  const usage: Usage = { cpuTime: user + system, memory: process.memoryUsage().rss };
  process.send?.(usage);
});
process.on("disconnect", () => process.exit());

async function answer(request: Request, response: Response): Promise<void> {
  const { params } = request.body as { params: { message: unknown } };
  const plan = await post(model, { model: "stub", max_tokens: 1024, messages: [params.message] });
  const result = await post(otherAgent, { jsonrpc: "2.0", id: 1, method: "SendMessage", params: { message: plan["content"] } });
  response.json({ jsonrpc: "2.0", id: 1, result });
}

async function post(backend: Backend, body: object): Promise<Record<string, unknown>> {
  const headers = { "content-type": "application/json" };
  const span = tracing === "baseline" ? startClientSpan(backend, headers) : undefined;
  const response = await fetch(backend.url, { method: "POST", headers, body: JSON.stringify(body) });
  const received = (await response.json()) as Record<string, unknown>;
  if (span !== undefined) endClientSpan(span);
  return received;
}

/** Continues the caller's trace with the bare SDK calls that make the same SERVER span as this library. */
function startBaselineSpan(...[request, response, next]: Parameters<RequestHandler>): void {
  const { span, serverContext } = startServerSpan(request.path, request.headers);
  response.once("finish", () => {
    const { path } = request.route as { path: string };
    span.updateName(`POST ${path}`);
    span.setAttribute("http.route", path);
    endServerSpan(span);
  });
  context.with(serverContext, next);
}
