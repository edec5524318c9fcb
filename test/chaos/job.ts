import type { Leftovers } from "./leftovers.ts";
import type { ServerKind } from "./server/handlers.ts";
import type { Choice } from "./plan.ts";

/** A client, or a kind of server. */
export type Subject = "fetch" | "undici" | "axios" | "got" | ServerKind;
export const SUBJECTS: readonly Subject[] = ["fetch", "undici", "axios", "got", "node", "express", "http2"];

/** Calls that a process makes, or visits to its servers. */
export interface Run {
  /** Runs those from `first` and before `end`, several at a time. */
  readonly run: (first: number, end: number, report: (report: CallReport) => void) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** What a process is told to do. */
export interface Job extends Choice {
  readonly subject: Subject;
  readonly isTraced: boolean;
  readonly first: number;
  readonly end: number;
}

/** One call, and what became of it. */
export interface CallReport {
  readonly index: number;
  readonly scenario: string;
  /** All that was planned, for people. */
  readonly plan: string;
  readonly outcome: string;
}

/** What a process says when it is through. */
export interface RunReport {
  readonly seconds: number;
  /** Bytes a call; undefined after too few calls to tell. */
  readonly heapSlope: number | undefined;
  readonly heap: readonly number[];
  readonly leftovers: Leftovers;
  /** Errors that nobody has caught, and warnings, by how often. */
  readonly uncaught: readonly (readonly [text: string, times: number])[];
  readonly spans: SpanReport | undefined;
}

export interface SpanReport {
  readonly started: number;
  readonly ended: number;
  readonly durations: number;
  /** What cannot be, with the number of a call that shows it. */
  readonly flaws: readonly (readonly [flaw: string, times: number, index: number])[];
  /** Calls whose spans have not ended. */
  readonly open: readonly number[];
  readonly said: readonly (readonly [text: string, times: number])[];
  /** What the library itself has kept: calls that it takes for open, and timers. */
  readonly kept: { readonly calls: number; readonly timers: number };
}

export type Message = { readonly reports: readonly CallReport[] } | { readonly done: RunReport };
