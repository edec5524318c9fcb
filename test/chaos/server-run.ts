import type { CallReport, Run } from "./job.ts";
import type { Choice } from "./plan.ts";
import { random } from "./random.ts";
import { HANDLERS } from "./server/handlers.ts";
import type { Handler, ServerKind } from "./server/handlers.ts";
import { HTTP2_VISITORS, openSession } from "./server/http2-visitors.ts";
import type { Http2Visitor } from "./server/http2-visitors.ts";
import { serve } from "./server/servers.ts";
import type { ChaosServer } from "./server/servers.ts";
import { beginVisit } from "./server/visit.ts";
import type { Visit } from "./server/visit.ts";
import { VISITORS, openConnection, shownBytes } from "./server/visitors.ts";
import type { Visitor } from "./server/visitors.ts";

/** How tracing observes visits. */
export interface VisitHooks {
  readonly traceparent: (index: number) => string;
  readonly look: (index: number, where: string) => void;
  readonly visited: (visit: Visit, received: string) => void;
}

const LANES = 16;
/** The time in milliseconds after which a visit counts as stuck. */
const STUCK = 20_000;

type Planned = { readonly handler: Handler; readonly visitor: Visitor | Http2Visitor };

/** Visits to a server, each on its own connection. Each lane has its own server, so that every connection belongs to a known visit. */
export async function startServerRun(choice: Choice, kind: ServerKind, isTraced: boolean, hooks: VisitHooks): Promise<Run> {
  const plan = visitPlanner(choice, kind);
  const servers = await Promise.all(Array.from({ length: LANES }, () => serve(kind, isTraced)));

  async function one(index: number, server: ChaosServer, report: (report: CallReport) => void): Promise<void> {
    const { handler, visitor } = plan(index);
    const visit = beginVisit(index, visitor as Visitor, handler, hooks.traceparent(index), hooks.look);
    const timer = setTimeout(() => {
      visit.notes.push("stuck");
      for (const socket of server.sockets) socket.destroy();
    }, STUCK);
    const received = await (kind === "http2" ? overHttp2 : overSocket)(server.port, visit);
    // The server's side of the connection ends separately.
    while (server.sockets.size > 0) await new Promise((resolve) => void setImmediate(resolve));
    for (let i = 0; i < 3; i++) await new Promise((resolve) => void setImmediate(resolve));
    clearTimeout(timer);
    const outcome = { ...(visitor.waits === "for all" && { received }), notes: visit.notes, handled: visit.handled };
    report({ index, scenario: visitor.name, plan: `${visitor.name} | ${handler.name}`, outcome: JSON.stringify(outcome) });
    hooks.visited(visit, received);
    visit.over();
  }

  return {
    run: async (first, end, report) => {
      let next = first;
      const work = async (server: ChaosServer): Promise<void> => {
        while (next < end) await one(next++, server, report);
      };
      await Promise.all(servers.map(work));
    },
    close: async () => void (await Promise.all(servers.map((server) => server.close()))),
  };
}

async function overSocket(port: number, visit: Visit): Promise<string> {
  const connection = await openConnection(port);
  await visit.visitor.visit(connection, visit);
  return `${shownBytes(connection.received())} ${await connection.closed}`;
}

async function overHttp2(port: number, visit: Visit): Promise<string> {
  const session = await openSession(port);
  const received = await (visit.visitor as unknown as Http2Visitor).visit(session, visit);
  session.destroy();
  return received;
}

/** The plan of each visit, determined by the seed and its number alone. */
function visitPlanner({ seed, scenario = "", usage = "" }: Choice, kind: ServerKind): (index: number) => Planned {
  const visitors: readonly (Visitor | Http2Visitor)[] = kind === "http2" ? HTTP2_VISITORS : VISITORS;
  const choices = visitors
    .filter(({ name }) => new RegExp(scenario).test(name))
    .map((visitor) => ({
      visitor,
      handlers: HANDLERS.filter((handler) => new RegExp(usage).test(handler.name) && isPossible(visitor, handler, kind)),
    }))
    .filter(({ handlers }) => handlers.length > 0);
  if (choices.length === 0) throw new RangeError(`no visitor matches ${scenario} with a handler that matches ${usage}`);
  return (index) => {
    const draw = random(Math.imul(seed, 0x01000193) ^ index);
    const { visitor, handlers } = draw.pick(choices);
    return { visitor, handler: draw.pick(handlers) };
  };
}

/** Whether such a visit ends. */
function isPossible({ waits, requests = 1 }: Visitor | Http2Visitor, handler: Handler, kind: ServerKind): boolean {
  const { ends = true, answers = true, isClean = false, kinds = [kind] } = handler;
  if (!kinds.includes(kind) || (requests > 1 && !isClean)) return false;
  if (waits === "for all") return typeof ends === "function" ? ends(kind) : ends;
  if (waits === "for the head") return typeof answers === "function" ? answers(kind) : answers;
  return true;
}
