import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import type { Outcome } from "../apps/checks.ts";
import { startServer } from "../apps/process.ts";
import type { Running } from "../apps/process.ts";
import { programOf } from "./stage.ts";

/** A runtime, and the attributes of the connection that its server exposes. */
export interface Runtime {
  readonly name: string;
  /** Starts its service; undefined if there is no program for this system. */
  readonly start: (cwd: string) => Promise<Running | undefined>;
  /** The connection attributes of its SERVER spans. */
  readonly connection: Readonly<Record<string, string>>;
  /** The response body if a handler throws. */
  readonly thrown: string;
}

/** The suffix of Bun's package names for the C library. */
function libc(): string {
  if (process.platform !== "linux") return "";
  const { header } = process.report.getReport() as unknown as { header: { glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime === undefined ? "-musl" : "";
}

async function started(program: string | undefined, args: readonly string[], cwd: string): Promise<Running | undefined> {
  return program === undefined
    ? undefined
    : startServer(program, args, { cwd, env: { DENO_NO_UPDATE_CHECK: "1", DO_NOT_TRACK: "1" } });
}

const bunCpu = process.arch === "arm64" ? "aarch64" : process.arch;
const BUN = `@oven/bun-${process.platform === "win32" ? "windows" : process.platform}-${bunCpu}${libc()}/bin/bun{,.exe}`;
const DENO = `@deno/${process.platform}-${process.arch}*/deno{,.exe}`;

const PEER = { "client.address": "127.0.0.1", "network.peer.address": "127.0.0.1" };

/** The program of Deno; undefined if there is none for this system. */
export const denoOf = (cwd: string): string | undefined => programOf(cwd, "DENO", DENO);

/** The runtimes that are servers, in the order in which they are tested. */
export const RUNTIMES: readonly Runtime[] = [
  { name: "node", start: async () => undefined, connection: PEER, thrown: "" },
  {
    name: "bun",
    start: (cwd) => started(programOf(cwd, "BUN", BUN), ["run", "bun.mjs"], cwd),
    connection: PEER,
    thrown: "bun: thrown",
  },
  {
    name: "deno",
    start: (cwd) => started(denoOf(cwd), ["run", "--cached-only", "--allow-net", "--allow-env", "deno.mjs"], cwd),
    connection: PEER,
    thrown: "deno: thrown",
  },
  {
    name: "workerd",
    start: (cwd) => started(process.execPath, ["workerd.mjs"], cwd),
    connection: { "network.protocol.version": "1.1" },
    thrown: "RangeError: thrown",
  },
];

/** Lets a service run the checks that are the same on all runtimes. */
export async function verifyClients(name: string, service: string, agent: string): Promise<Outcome[]> {
  const query = new URLSearchParams({ agent, closed: await closedUrl() });
  const response = await fetch(`${service}/checks?${query}`);
  const text = await response.text();
  if (!response.ok) throw new Error(`/checks answered ${response.status}: ${text}`);
  return (JSON.parse(text) as Omit<Outcome, "app">[]).map((result) => ({ ...result, app: name }));
}

/** A URL on which no server listens. */
export async function closedUrl(): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return `http://127.0.0.1:${port}/`;
}
