import { examine } from "./doctor/examine.ts";
import { ownModules } from "./doctor/own-modules.ts";
import { loadedFiles } from "./doctor/packages.ts";
import { tryGet } from "./doctor/try-get.ts";
import type { DoctorReport } from "./doctor/report.ts";

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
  /** Whether to have the SDK export at the end (`forceFlush()`) and to say whether that worked: spans leave the machine then. Default: false. */
  flush?: boolean;
  /** The application's first file: copies of packages are looked for from there. Default: `process.argv[1]`. */
  entry?: string;
}

const isBoolean = (value: unknown): string | undefined => (typeof value === "boolean" ? undefined : "true or false");
const OPTIONS: Record<keyof DoctorOptions, (value: unknown) => string | undefined> = {
  roundTrip: isBoolean,
  timeout: (value) => (typeof value === "number" && value > 0 && value <= 600_000 ? undefined : "milliseconds, from 1 to 600000"),
  flush: isBoolean,
  entry: (value) => (typeof value === "string" && value !== "" ? undefined : "a path"),
};

/**
 * Looks at what this process does with traces, and makes a call over loopback to see what comes out: which SDK, context manager and propagator are
 * registered, which copies of OpenTelemetry's API there are, which instrumentations are at work, what the environment says.
 *
 * It sets nothing, and sends nothing but to 127.0.0.1. With an SDK the call's spans are exported like any others; they are in a trace named
 * `a2a-otel doctor`. Call it when the application has started.
 *
 * @returns the findings; as a string they are a text for people. It rejects for a bad option and for nothing else.
 * @throws TypeError for a bad option.
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
    if (!Object.hasOwn(OPTIONS, name)) {
      throw new TypeError(`doctor: there is no option "${name}"; the options are ${Object.keys(OPTIONS).join(", ")}`);
    }
    const expected = OPTIONS[name as keyof DoctorOptions](value);
    if (expected !== undefined) throw new TypeError(`doctor: option "${name}" must be ${expected}, not ${JSON.stringify(value)}`);
  }
}
