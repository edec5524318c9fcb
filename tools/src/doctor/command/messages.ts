import type { DoctorReport } from "../report.ts";

/** The environment variable by which the command tells the app's process that it is to be looked at. It is taken away before the app sees it. */
export const VARIABLE = "A2A_OTEL_DOCTOR";

/** The file descriptor on which the app's process answers, a line of JSON for each message. */
export const DESCRIPTOR = 3;

/** What the app's process is told. */
export interface Order {
  /** The app's first file, resolved. */
  readonly entry: string;
  readonly wait: number;
  readonly timeout: number;
  readonly roundTrip: boolean;
  readonly flush: boolean;
  /** The URL of `examine-app.js`. */
  readonly examiner: string;
}

/** What it answers. */
export type Message =
  | {
      readonly type: "report";
      readonly report: DoctorReport;
      /** The milliseconds since the process began. */
      readonly after: number;
      /** Whether the app had ended by itself, with nothing left to do. */
      readonly idle: boolean;
      /** Whether the app's own copy of a2a-otel was examined. */
      readonly ownCopy: boolean;
    }
  /** The app threw, and nobody caught it. */
  | { readonly type: "thrown"; readonly error: string; readonly after: number }
  | { readonly type: "exit"; readonly code: number; readonly after: number }
  /** The doctor itself failed. */
  | { readonly type: "failed"; readonly error: string };
