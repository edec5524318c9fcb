import { context } from "@opentelemetry/api";
import { USUAL } from "../rows/options.ts";
import { startTelemetry } from "../rows/telemetry.ts";
import type { Way } from "./stack.ts";

/** Somebody's tracing, set up before the client is loaded. */
export interface Peer {
  /** Runs the work inside an open span. */
  readonly within: (work: () => Promise<void>) => Promise<void>;
  /** Exports what has been recorded. */
  readonly settle: () => Promise<void>;
}

const KEY = Symbol.for("a2a-otel.benchmarks.peer");

/** Called by a module that is loaded first (`--import`) and sets up another instrumentation. */
export function registerPeer(peer: Peer): void {
  (globalThis as Record<symbol, unknown>)[KEY] = peer;
}

/** The peer that has been registered, else what this library and the floor are measured with, else nothing. */
export function peerOf(way: Way): Peer {
  const registered = (globalThis as Record<symbol, unknown>)[KEY] as Peer | undefined;
  if (registered !== undefined) return registered;
  return way === "plain" ? { within: (work) => work(), settle: async () => {} } : sdkPeer();
}

/** An SDK as in the tables of own time. */
export function sdkPeer(): Peer {
  const { parent, settle } = startTelemetry({ ...USUAL, state: "sampled" });
  return { within: (work) => context.with(parent, work), settle };
}
