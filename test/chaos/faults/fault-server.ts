import { createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { once } from "node:events";
import type { Fault, Stage, Step } from "./faults.ts";
import { readRequests } from "./request-reader.ts";
import type { WireRequest } from "./request-reader.ts";

/** A call, from the view of the servers. */
export interface ServedCall {
  readonly fault: Fault;
  /** The received requests. */
  readonly requests: WireRequest[];
  readonly reached: (stage: Stage) => void;
  readonly until: (stage: Stage) => Promise<void>;
  /** Replaces placeholders (`%OTHER%`) by the addresses of this run. */
  readonly fill: (text: string) => string;
}

export interface FaultServer {
  readonly port: number;
  /** Waits until each connection is closed or idle. */
  readonly quiet: () => Promise<void>;
  /** Destroys the connections with an unfinished exchange. */
  readonly cut: () => void;
  readonly close: () => Promise<void>;
}

/** A server that responds with the fault of the call. It writes raw bytes, because `node:http` only sends valid responses. */
export async function serveFaults(callOf: (path: string) => ServedCall | undefined): Promise<FaultServer> {
  const open = new Set<Socket>();
  /** The unfinished part of the exchange on each connection: the request or the response. */
  const pending = new Map<Socket, number>();
  let whenQuiet: (() => void)[] = [];
  const done = (socket: Socket, parts: number): void => {
    const left = (pending.get(socket) ?? 0) - parts;
    if (left > 0) pending.set(socket, left);
    else pending.delete(socket);
    if (pending.size > 0) return;
    for (const resolve of whenQuiet) resolve();
    whenQuiet = [];
  };

  const server = createServer({ noDelay: true }, (socket) => {
    open.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => {
      open.delete(socket);
      done(socket, 2);
    });
    const begin = async (call: ServedCall, number: number): Promise<void> => {
      const { replies = [] } = call.fault;
      const isWhole = await perform(replies[Math.min(number, replies.length - 1)] ?? [], socket, call);
      if (isWhole) done(socket, 1);
    };
    let number = 0;
    readRequests(socket, {
      head: (request) => {
        pending.set(socket, 2);
        const call = callOf(request.path);
        if (call === undefined) {
          socket.destroy();
          return;
        }
        number = call.requests.push(request) - 1;
        if (call.fault.begin === "head") void begin(call, number);
      },
      complete: (request) => {
        done(socket, 1);
        const call = callOf(request.path);
        if (call !== undefined && call.fault.begin !== "head") void begin(call, number);
      },
    });
  });
  const cut = (): void => {
    for (const socket of pending.keys()) socket.destroy();
  };
  const port = await listen(server);
  return {
    port,
    quiet: () => (pending.size === 0 ? Promise.resolve() : new Promise((resolve) => void whenQuiet.push(resolve))),
    cut,
    close: async () => {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** @returns whether the response is complete, so that the connection is idle. */
async function perform(steps: readonly Step[], socket: Socket, call: ServedCall): Promise<boolean> {
  for (const step of steps) {
    if (socket.destroyed) return false;
    if (step === "turn") await turn();
    else if (step === "until headers") await call.until("headers");
    else if (step === "hold") return hold(socket, call);
    else if (step === "close") {
      socket.end();
      return false;
    } else if (step === "reset") {
      socket.resetAndDestroy();
      return false;
    } else if (Buffer.isBuffer(step)) await write(socket, step, call);
    else return repeat(step.endless, socket, call);
  }
  return true;
}

/** Stalls, and reports so when the client can have received everything that was sent. */
async function hold(socket: Socket, call: ServedCall): Promise<false> {
  if (call.fault.begin === "head") socket.pause();
  if (call.fault.holds === "after the head" || call.fault.holds === "in the body") await call.until("headers");
  await turn();
  await turn();
  call.reached("hold");
  return false;
}

async function repeat(text: Buffer, socket: Socket, call: ServedCall): Promise<false> {
  let isTold = false;
  while (!socket.destroyed) {
    await write(socket, text, call);
    await turn();
    if (!isTold) void call.until("headers").then(() => call.reached("hold"));
    isTold = true;
  }
  return false;
}

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

/** Writes and waits until the data was flushed or the connection was closed. */
async function write(socket: Socket, data: Buffer, call: ServedCall): Promise<void> {
  const bytes = data.includes("%") ? Buffer.from(call.fill(data.toString("latin1")), "latin1") : data;
  await new Promise<void>((resolve) => {
    socket.write(bytes, () => resolve());
  });
}

export async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}
