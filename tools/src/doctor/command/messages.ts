import type { DoctorReport } from "../report.ts";

/** The environment variable that carries the {@link Order} to the application's process. It is deleted before the application runs. */
export const VARIABLE = "A2A_OTEL_DOCTOR";

/** The file descriptor on which the application's process answers with one line of JSON for each message. */
export const DESCRIPTOR = 3;

/** What the command asks of the application's process. */
export interface Order {
  /** The application's first file, resolved. */
  readonly entry: string;
  readonly wait: number;
  readonly timeout: number;
  readonly roundTrip: boolean;
  readonly flush: boolean;
  /** The URL of `examine-app.js`. */
  readonly examiner: string;
}

/** What the application's process answers. `after` is the number of milliseconds since the process started. */
export type Message =
  | {
      readonly type: "report";
      readonly report: DoctorReport;
      readonly after: number;
      /** Whether the application had nothing left to do and was about to end. */
      readonly idle: boolean;
      /** Whether the application's own copy of a2a-otel was examined. */
      readonly isOwnCopy: boolean;
    }
  /** The application threw an error that nothing caught. */
  | { readonly type: "thrown"; readonly error: string; readonly after: number }
  | { readonly type: "exit"; readonly code: number; readonly after: number }
  /** The examination itself failed. */
  | { readonly type: "failed"; readonly error: string };
