import type { Leftovers } from "./leftovers.ts";
import type { ServerKind } from "./server/handlers.ts";
import type { Choice } from "./plan.ts";

/** A client, or a kind of server. */
export type Subject = "fetch" | "undici" | "axios" | "got" | ServerKind;
export const SUBJECTS: readonly Subject[] = ["fetch", "undici", "axios", "got", "node", "express", "http2"];

/** A run of calls, or of visits to servers. */
export interface Run {
  /** Runs the calls from `first` up to but excluding `end`, several at a time. */
  readonly run: (first: number, end: number, report: (report: CallReport) => void) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** The job of a process. */
export interface Job extends Choice {
  readonly subject: Subject;
  readonly isTraced: boolean;
  readonly first: number;
  readonly end: number;
}

/** One call and its outcome. */
export interface CallReport {
  readonly index: number;
  readonly scenario: string;
  /** The plan in words. */
  readonly plan: string;
  readonly outcome: string;
}

/** What a process reports at its end. */
export interface RunReport {
  readonly seconds: number;
  /** Bytes per call; undefined after too few calls. */
  readonly heapSlope: number | undefined;
  readonly heap: readonly number[];
  readonly leftovers: Leftovers;
  /** Uncaught errors and warnings with their counts. */
  readonly uncaught: readonly (readonly [text: string, times: number])[];
  readonly spans: SpanReport | undefined;
}

export interface SpanReport {
  readonly started: number;
  readonly ended: number;
  readonly durations: number;
  /** Violations with the number of a call that shows them. */
  readonly violations: readonly (readonly [violation: string, times: number, index: number])[];
  /** Calls whose spans have not ended. */
  readonly open: readonly number[];
  readonly diagnostics: readonly (readonly [text: string, times: number])[];
  /** What the library itself has kept: active calls and timers. */
  readonly kept: { readonly calls: number; readonly timers: number };
}

export type Message = { readonly reports: readonly CallReport[] } | { readonly done: RunReport };
