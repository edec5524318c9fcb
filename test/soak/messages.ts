export type ClientName = "fetch" | "undici" | "axios" | "got";
export const CLIENTS: readonly ClientName[] = ["fetch", "undici", "axios", "got"];

/** What a process is: a client, or the server that it calls; with this library or without. */
export interface Role {
  readonly client: ClientName | undefined;
  readonly isTraced: boolean;
}

/** What the processes are told to do. */
export type Order =
  | { readonly order: "open"; readonly url: string; readonly streams: number }
  | { readonly order: "call"; readonly url: string; readonly calls: number; readonly inFlight: number; readonly hold: number }
  | { readonly order: "memory" }
  /** Ends the streams, and waits for the last spans. */
  | { readonly order: "close" };

/** What a block of calls was like. Milliseconds, but for the processor's time. */
export interface Block {
  readonly seconds: number;
  readonly callsASecond: number;
  /** Microseconds of the processor's time that the process has used for a call. */
  readonly cpu: number;
  /** How late the event loop comes to a timer. */
  readonly delay: { readonly mean: number; readonly p99: number; readonly max: number };
}

/** Bytes. */
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
  /** Events that the streams have brought. */
  readonly events: number;
  /** What keeps the process alive after all is closed. */
  readonly handles: readonly string[];
}

export interface Answers {
  readonly open: number;
  readonly call: Block;
  readonly memory: Memory;
  readonly close: Closed;
}
