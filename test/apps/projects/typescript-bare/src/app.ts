import { continueTrace, injectTraceContext } from "a2a-otel";
import { instrumentFetch, wrapFetch } from "a2a-otel/fetch";
import "a2a-otel/register";
import { doctor } from "a2a-otel-cli/doctor";
import { traceRequests as middleware } from "a2a-otel/server/express";
import { traceRequests } from "a2a-otel/server/node";
import { setupPropagation } from "a2a-otel/setup";
import { createServer } from "node:http";

setupPropagation();
export const undo = instrumentFetch({ responseHook: (span, { response }) => void span.setAttribute("ok", response.ok) });
export const traced = wrapFetch(fetch);
export const use = middleware();
createServer(traceRequests((request, response) => void response.end(request.url)));
export const report = doctor();
export const work = continueTrace(injectTraceContext(), async () => 1);
