import { createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { beginCall, callOf, watchHeaders } from "./call.ts";
import type { RunningCall } from "./call.ts";
import type { CallReport, Run } from "./job.ts";
import { outcomeOf } from "./outcome.ts";
import { planner } from "./plan.ts";
import type { Choice, Plan } from "./plan.ts";
import type { ClientUsages, Received, Sent, Settled } from "./clients/usage.ts";
import { listen, serveFaults } from "./faults/fault-server.ts";
import type { FaultServer } from "./faults/fault-server.ts";
import { serveHttp2 } from "./faults/http2-server.ts";

/** A lane makes its calls one after the other. It has its own servers, so that lanes share no connections. */
interface Lane {
  readonly server: FaultServer;
  /** A server at another origin. */
  readonly elsewhere: FaultServer;
  readonly resetting: number;
  readonly noTls: number;
  readonly silent: number;
  current: RunningCall | undefined;
  readonly close: () => Promise<void>;
}

/** How tracing observes the calls. */
export interface CallHooks {
  readonly make: (index: number, make: () => Promise<Received>) => Promise<Received>;
  readonly settled: (call: RunningCall, settled: Settled) => void;
}

/** The time in milliseconds after which a call that has not settled counts as stuck. */
const STUCK = 20_000;
const LANES = 16;

export async function startClientRun(choice: Choice, usages: ClientUsages, hooks: CallHooks): Promise<Run> {
  watchHeaders();
  const planned = planner(choice, usages);
  const lanes = await Promise.all(Array.from({ length: LANES }, startLane));
  const nowhere = await unusedPort();

  async function one(index: number, at: number, report: (report: CallReport) => void): Promise<void> {
    const lane = lanes[at] as Lane;
    const plan = planned(index);
    const call = beginCall(plan, (text) =>
      text
        .replaceAll("%OTHER%", `http://127.0.0.1:${lane.elsewhere.port}/${index}`)
        .replaceAll("%NOWHERE%", `http://127.0.0.1:${nowhere}/${index}`)
        .replaceAll("%CREDENTIALS%", `http://user:secret@127.0.0.1:${lane.server.port}/${index}`),
    );
    lane.current = call;
    const own = plan.usage.http2 === true ? await serveHttp2(call) : undefined;
    const url = own === undefined ? urlOf(plan, lane, nowhere) : `https://127.0.0.1:${own.port}/${index}/first`;
    const made = hooks.make(index, () => plan.usage.call(sentOf(call, url)));
    call.made();
    const settled = await settle(made, () => {
      call.notes.push("stuck");
      lane.server.cut();
      void own?.close();
    });
    hooks.settled(call, settled);
    call.over();
    if (plan.usage.abandons === true || plan.fault.holds === "perhaps") lane.server.cut();
    await own?.close();
    await lane.elsewhere.quiet();
    if (!(await isQuiet(lane.server))) call.notes.push("a connection is left open");
    report({ index, scenario: plan.fault.name, plan: described(plan), outcome: outcomeOf(call, settled) });
  }

  return {
    run: async (first, end, report) => {
      let next = first;
      const work = async (_: Lane, at: number): Promise<void> => {
        while (next < end) await one(next++, at, report);
      };
      await Promise.all(lanes.map(work));
    },
    close: async () => {
      await usages.close();
      await Promise.all(lanes.map((lane) => lane.close()));
    },
  };
}

/** Whether all connections become idle or closed by themselves. If not, they are destroyed. */
async function isQuiet(server: FaultServer): Promise<boolean> {
  let isLeft = false;
  const timer = setTimeout(() => {
    isLeft = true;
    server.cut();
  }, STUCK);
  await server.quiet();
  clearTimeout(timer);
  return !isLeft;
}

function described({ usage, fault, method, body, abort, reason, signal }: Plan): string {
  const givenUp =
    abort === undefined ? "" : `, aborted ${typeof abort === "string" ? abort : JSON.stringify(abort)} with ${reason}`;
  return `${usage.name} | ${fault.name} | ${method}, body: ${body}, signal: ${signal}${givenUp}`;
}

/** How a promise settles, or an error if it does not settle even after its connections were destroyed. */
async function settle(made: Promise<Received>, cut: () => void): Promise<Settled> {
  const timers: NodeJS.Timeout[] = [];
  const stuck = new Promise<{ error: unknown }>((resolve) => {
    timers.push(setTimeout(cut, STUCK));
    timers.push(setTimeout(() => resolve({ error: "never settles" }), STUCK + 1000));
  });
  try {
    return await Promise.race([made.then((received) => ({ received })), stuck]);
  } catch (error) {
    return { error };
  } finally {
    for (const timer of timers) clearTimeout(timer);
  }
}

function sentOf({ plan, notes, signal }: RunningCall, url: string): Sent {
  return {
    url,
    method: plan.method,
    headers: { "x-call": String(plan.index), ...(plan.body !== "none" && { "content-type": "text/plain" }) },
    body: bodyOf(plan, notes),
    signal,
    note: (event) => void notes.push(event),
  };
}

const LARGE = Buffer.alloc(300_000, "large");

function bodyOf({ body }: Plan, notes: string[]): Sent["body"] {
  if (body === "none") return undefined;
  if (body === "text") return "some text";
  if (body === "bytes") return Buffer.from([0, 1, 2, 255]);
  if (body === "large") return LARGE;
  return async function* () {
    try {
      yield Buffer.from("one ");
      await new Promise((resolve) => void setImmediate(resolve));
      yield Buffer.from("two ");
      if (body === "failing stream") throw new Error("the body fails");
      yield Buffer.from("three");
    } finally {
      notes.push("body left");
    }
  };
}

function urlOf({ fault, index }: Plan, { server, resetting, noTls, silent }: Lane, nowhere: number): string {
  const path = `${index}/first`;
  if (fault.at === "nowhere") return `http://127.0.0.1:${nowhere}/${path}`;
  if (fault.at === "resetting") return `http://127.0.0.1:${resetting}/${path}`;
  if (fault.at === "no-tls") return `https://127.0.0.1:${noTls}/${path}`;
  if (fault.at === "silent-tls") return `https://127.0.0.1:${silent}/${path}`;
  return `http://127.0.0.1:${server.port}/${path}`;
}

async function startLane(): Promise<Lane> {
  const [server, elsewhere] = await Promise.all([serveFaults(callOf), serveFaults(callOf)]);
  const resetting = createServer((socket) => void socket.on("error", () => {}).resetAndDestroy());
  const noTls = createServer((socket) => void socket.on("error", () => {}).end("this is not TLS\r\n"));
  const silent = createServer((socket) => {
    socket.on("error", () => {}).resume();
    const call = lane.current;
    if (call?.plan.fault.at !== "silent-tls") {
      socket.destroy();
      return;
    }
    setImmediate(() => call.reached("hold"));
    // undici reports an abort only when it has a connection or fails to get one.
    setTimeout(() => socket.destroy(), call.plan.usage.timesOut === true ? 4000 : 1000).unref();
  });
  const others: Server[] = [resetting, noTls, silent];
  const open = new Set<Socket>();
  for (const one of others) one.on("connection", (socket: Socket) => void open.add(socket.on("close", () => open.delete(socket))));
  const [resettingPort = 0, noTlsPort = 0, silentPort = 0] = await Promise.all(others.map((one) => listen(one)));
  const lane: Lane = {
    server,
    elsewhere,
    resetting: resettingPort,
    noTls: noTlsPort,
    silent: silentPort,
    current: undefined,
    close: async () => {
      await Promise.all([server.close(), elsewhere.close()]);
      for (const one of others) one.close();
      for (const socket of open) socket.destroy();
    },
  };
  return lane;
}

/** A port without a listener. It is below the ephemeral ports, with which a connection could connect to itself. */
async function unusedPort(): Promise<number> {
  for (let port = 20_011; ; port += 7) {
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => resolve(true));
    });
    if (!isFree) continue;
    await new Promise((resolve) => void server.close(resolve));
    return port;
  }
}
