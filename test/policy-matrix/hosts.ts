import type { IncomingMessage, ServerResponse } from "node:http";
import { listen } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { HOSTS } from "./policies.ts";
import type { HostName, Origins } from "./policies.ts";
import type { BodyEnd, Route } from "./routes.ts";

/** A request that a host has received. */
export interface ReceivedRequest {
  readonly host: HostName;
  /** The id of the call that it belongs to. */
  readonly call: string;
  /** Its position on the call's route. */
  readonly step: number;
  /** Its header lines: names in lower case, values as received. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** The servers A and B, which answer along the routes of the calls that they have been given. */
export interface TwoHosts {
  readonly origins: Origins;
  readonly received: ReceivedRequest[];
  /** The URL at which a call along a route starts. */
  readonly start: (call: string, route: Route, end: BodyEnd) => string;
  readonly close: () => Promise<void>;
}

/** The span of a call with a streamed body cannot be shorter. */
export const STREAM_MS = 100;

interface Journey {
  readonly route: Route;
  readonly end: BodyEnd;
  failures: number;
}

export async function openHosts(): Promise<TwoHosts> {
  const journeys = new Map<string, Journey>();
  const received: ReceivedRequest[] = [];
  const servers: Partial<Record<HostName, TestServer>> = {};
  const origin = (host: HostName): string => (servers[host] as TestServer).url;

  function answer(host: HostName, request: IncomingMessage, response: ServerResponse): void {
    const [, call = "", position = ""] = (request.url ?? "").split("/");
    const step = Number(position);
    received.push({ host, call, step, headers: headerLines(request.rawHeaders) });
    const journey = journeys.get(call);
    if (journey === undefined) return void response.writeHead(404).end();
    const next = journey.route.hosts[step + 1];
    if (next !== undefined) {
      response.writeHead(journey.route.redirect, { location: `${origin(next)}/${call}/${step + 1}` }).end("moved");
    } else if (journey.failures-- > 0) response.writeHead(503).end("unavailable");
    else finish(response, journey.end);
  }

  for (const host of HOSTS) {
    servers[host] = await listen((request, response) => {
      request.resume();
      request.on("error", () => {});
      request.on("end", () => answer(host, request, response));
    });
  }
  return {
    origins: { A: origin("A"), B: origin("B") },
    received,
    start: (call, route, end) => {
      journeys.set(call, { route, end, failures: route.retried ? 1 : 0 });
      return `${origin(route.hosts[0] as HostName)}/${call}/0`;
    },
    close: async () => {
      await Promise.all(HOSTS.map((host) => (servers[host] as TestServer).close()));
    },
  };
}

function finish(response: ServerResponse, end: BodyEnd): void {
  if (end === "short body") return void response.writeHead(200).end("whole");
  response.writeHead(200, { "content-length": "5" });
  response.write("who");
  if (end === "cut body") setTimeout(() => response.socket?.destroy(), 20);
  else setTimeout(() => response.end("le"), STREAM_MS);
}

function headerLines(raw: readonly string[]): [string, string][] {
  return raw.flatMap((name, index) => (index % 2 === 0 ? [[name.toLowerCase(), raw[index + 1] ?? ""] as [string, string]] : []));
}
