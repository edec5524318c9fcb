export type ClientName = "fetch" | "undici" | "axios" | "got";
export const CLIENTS: readonly ClientName[] = ["fetch", "undici", "axios", "got"];

/** The role of a process: a client or, if `client` is undefined, the server that it calls, with this library or without it. */
export interface Role {
  readonly client: ClientName | undefined;
  readonly isTraced: boolean;
}

/** A command of the parent process. */
export type Command =
  | { readonly command: "open"; readonly url: string; readonly streams: number }
  | { readonly command: "call"; readonly url: string; readonly calls: number; readonly inFlight: number; readonly hold: number }
  | { readonly command: "memory" }
  /** Ends the streams and waits for the last spans. */
  | { readonly command: "close" };

/** Measurements of one block of calls. Delays are in milliseconds. */
export interface Block {
  readonly seconds: number;
  readonly callsASecond: number;
  /** Processor time per call in microseconds. */
  readonly cpu: number;
  /** How late timers fire. */
  readonly delay: { readonly mean: number; readonly p99: number; readonly max: number };
}

/** In bytes. */
export interface Memory {
  readonly heap: number;
  readonly resident: number;
}

export interface Spans {
  readonly started: number;
  readonly ended: number;
  readonly exported: number;
}

export interface Closed {
  readonly spans: Spans | undefined;
  /** The number of events that the streams delivered. */
  readonly events: number;
  /** What keeps the process alive after everything is closed. */
  readonly handles: readonly string[];
}

export interface Answers {
  readonly open: number;
  readonly call: Block;
  readonly memory: Memory;
  readonly close: Closed;
}
