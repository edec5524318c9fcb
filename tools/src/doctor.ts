import { examine } from "./doctor/examine.ts";
import { ownModules } from "./doctor/own-modules.ts";
import { loadedFiles } from "./doctor/packages.ts";
import type { DoctorReport } from "./doctor/report.ts";
import { tryGet } from "./doctor/try-get.ts";

export { formatReport } from "./doctor/report.ts";
export type { DoctorReport } from "./doctor/report.ts";
export type { Finding } from "./doctor/findings.ts";
export type { PackageCopy } from "./doctor/packages.ts";
export type { ClientSpan, RoundTrip } from "./doctor/round-trip/round-trip.ts";
export type { Runtime } from "./doctor/checks/runtime.ts";

/** Options of {@link doctor}. */
export interface DoctorOptions {
  /** Whether to make a call over loopback. Default: true. */
  roundTrip?: boolean;
  /** The milliseconds that a call, or an export, may take. Default: 5000. */
  timeout?: number;
  /** Whether to make the SDK export its spans (`forceFlush()`) and report the result; spans leave the machine then. Default: false. */
  flush?: boolean;
  /** The application's first file, from which copies of packages are searched. Default: `process.argv[1]`. */
  entry?: string;
}

/** For each option, what its value must be; undefined if the value is valid. */
const CHECKS: Record<keyof DoctorOptions, (value: unknown) => string | undefined> = {
  roundTrip: expectBoolean,
  timeout: (value) => (typeof value === "number" && value > 0 && value <= 600_000 ? undefined : "milliseconds, from 1 to 600000"),
  flush: expectBoolean,
  entry: (value) => (typeof value === "string" && value !== "" ? undefined : "a path"),
};

function expectBoolean(value: unknown): string | undefined {
  return typeof value === "boolean" ? undefined : "true or false";
}

/**
 * Examines how this process handles traces: which SDK, context manager and propagator are registered, which copies of OpenTelemetry's API are
 * loaded, which instrumentations are active, and what the environment variables set. It makes a call over loopback to verify the result. Call it
 * after the application has started.
 *
 * It registers nothing, and only sends to 127.0.0.1. With an SDK, the spans of the call are exported like all others, in a trace named
 * `a2a-otel doctor`.
 *
 * @returns a report, which as a string is a text for people. The promise is rejected for an invalid option only.
 * @throws TypeError for an invalid option.
 *
 * @example
 * console.log(String(await doctor()));
 */
export async function doctor(options: DoctorOptions = {}): Promise<DoctorReport> {
  checkOptions(options);
  const { roundTrip = true, timeout = 5000, flush = false, entry = tryGet(() => process.argv[1]) } = options;
  return examine({ modules: ownModules, files: loadedFiles(), entry, roundTrip, timeout, flush, hasApplication: true });
}

function checkOptions(options: DoctorOptions): void {
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue;
    if (!Object.hasOwn(CHECKS, name)) {
      throw new TypeError(`doctor: there is no option "${name}"; the options are ${Object.keys(CHECKS).join(", ")}`);
    }
    const expected = CHECKS[name as keyof DoctorOptions](value);
    if (expected !== undefined) throw new TypeError(`doctor: option "${name}" must be ${expected}, not ${JSON.stringify(value)}`);
  }
}
