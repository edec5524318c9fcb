import type { IncomingMessage, ServerResponse } from "node:http";
import { buildModel } from "../model/model.ts";
import { encodeTraces } from "../otlp/encode.ts";
import { contentPolicy, pageJson, renderLivePage, renderTracePage } from "../page/page.ts";
import type { Prices } from "../prices.ts";
import type { Store, StoredTrace } from "../store.ts";
import { admission } from "./admission.ts";
import { answer, answerJson, refuse } from "./answer.ts";
import { createEvents } from "./events.ts";
import { dropSignal, receiveTraces } from "./receive.ts";
import { createRefusals } from "./refusals.ts";
import { createSummaries } from "./trace-list.ts";
import type { TraceList } from "./trace-list.ts";

export interface Routes {
  readonly handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>;
  readonly close: () => void;
}

type Handler = (request: IncomingMessage, response: ServerResponse, traceId: string) => void | Promise<void>;

/** The endpoints of the server: for exporters, for the page, and for the page's requests. */
export function createRoutes(store: Store, prices: Prices | undefined, log: (line: string) => void): Routes {
  const events = createEvents(store);
  const refusals = createRefusals();
  const summaries = createSummaries(prices);

  const withTrace =
    (serve: (response: ServerResponse, trace: StoredTrace) => void): Handler =>
    (_, response, traceId) => {
      const trace = store.get(traceId);
      if (trace === undefined)
        refuse(response, { status: 404, message: "No span of this trace was received, or the trace was evicted." });
      else serve(response, trace);
    };
  const routes: readonly (readonly [string, RegExp, Handler])[] = [
    [
      "POST",
      /^\/v1\/traces$/,
      (request, response) =>
        receiveTraces(request, response, store, (refusal) => {
          if (refusals.add(refusal)) log(`Refused an export: ${refusal.message}`);
          events.changed();
        }),
    ],
    ["POST", /^\/v1\/(?:metrics|logs)$/, dropSignal],
    ["GET", /^\/$/, (_, response) => answer(response, 200, "text/html; charset=utf-8", renderLivePage(), pagePolicy(true))],
    [
      "GET",
      /^\/api\/traces$/,
      (_, response) => {
        const list: TraceList = { traces: summaries(store), evicted: store.evicted(), refusals: refusals.list() };
        answerJson(response, pageJson(list));
      },
    ],
    [
      "DELETE",
      /^\/api\/traces$/,
      (_, response) => {
        refusals.clear();
        store.clear();
        answerJson(response, "{}");
      },
    ],
    [
      "GET",
      /^\/api\/events$/,
      (_, response) => {
        if (response.req.method === "HEAD") answer(response, 200, "text/event-stream", "");
        else if (!events.add(response)) refuse(response, { status: 503, message: "Too many pages are open." });
      },
    ],
    [
      "GET",
      /^\/api\/traces\/([0-9a-f]{32})$/,
      withTrace((response, trace) => answerJson(response, pageJson(buildModel(trace, prices)))),
    ],
    [
      "GET",
      /^\/api\/traces\/([0-9a-f]{32})\/otlp$/,
      withTrace((response, { traceId, spans }) => {
        answerJson(response, JSON.stringify(encodeTraces(spans)), attachment(`trace-${traceId}.json`));
      }),
    ],
    [
      "GET",
      /^\/traces\/([0-9a-f]{32})\.html$/,
      withTrace((response, trace) => {
        const page = renderTracePage(buildModel(trace, prices));
        answer(response, 200, "text/html; charset=utf-8", page, {
          ...pagePolicy(false),
          ...attachment(`trace-${trace.traceId}.html`),
        });
      }),
    ],
  ];

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = request.url?.replace(/\?.*/s, "") ?? "";
    const method = request.method === "HEAD" ? "GET" : (request.method ?? "");
    const refusal = admission(request, path.startsWith("/v1/"));
    if (refusal !== undefined) {
      refuse(response, refusal, { connection: "close" });
      return;
    }
    const here = routes.filter(([, pattern]) => pattern.test(path));
    const route = here.find(([name]) => name === method);
    if (route !== undefined) {
      const [, pattern, serve] = route;
      await serve(request, response, pattern.exec(path)?.[1] ?? "");
    } else if (here.length > 0) {
      const allow = here.map(([name]) => name).join(", ");
      refuse(response, { status: 405, message: `${path} accepts ${allow}.` }, { allow, connection: "close" });
    } else {
      refuse(
        response,
        { status: 404, message: `${path.slice(0, 200)} does not exist. Exports go to /v1/traces.` },
        { connection: "close" },
      );
    }
  };
  return { handle, close: events.close };
}

function pagePolicy(live: boolean): Record<string, string> {
  return { "content-security-policy": `${contentPolicy(live)}; frame-ancestors 'none'` };
}

function attachment(name: string): Record<string, string> {
  return { "content-disposition": `attachment; filename="${name}"` };
}
