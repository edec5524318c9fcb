import { redactText } from "a2a-otel/diagnostics";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { currentRuntime } from "../checks/runtime.ts";
import { collectFindings } from "../findings.ts";
import type { Finding } from "../findings.ts";
import { createReport, formatReport } from "../report.ts";
import type { DoctorReport } from "../report.ts";
import { displayPath } from "../try-get.ts";
import { runApp } from "./app-process.ts";
import type { Outcome } from "./app-process.ts";
import { DOCTOR_HELP, parseArguments } from "./arguments.ts";
import type { DoctorArguments } from "./arguments.ts";
import type { Message } from "./messages.ts";

/**
 * `a2a-otel-cli doctor`: examines an application, or the environment if none is given, and prints a report.
 *
 * @returns the exit code: 0 without errors, 1 with errors, 2 for wrong arguments.
 */
export async function doctorCommand(args: readonly string[]): Promise<number> {
  let options: DoctorArguments;
  let entry: string | undefined;
  try {
    options = parseArguments(args);
    entry = options.help || options.app === undefined ? undefined : resolveApp(options.app);
  } catch (error) {
    return reportMisuse(`${(error as Error).message}. See a2a-otel-cli doctor --help.`);
  }
  if (options.help) {
    process.stdout.write(DOCTOR_HELP);
    return 0;
  }
  if (entry !== undefined && currentRuntime().name === "deno") {
    return reportMisuse("an app is started with Node or Bun. On Deno, call doctor() of a2a-otel-cli/doctor inside the app.");
  }
  const report = entry === undefined ? await examineEnvironment(options) : await examineProcess(entry, options);
  process.stdout.write(options.json ? `${JSON.stringify(report, null, 2)}\n` : formatReport(report));
  return report.ok ? 0 : 1;
}

function reportMisuse(message: string): number {
  process.stderr.write(redactText(`a2a-otel-cli doctor: ${message}\n`));
  return 2;
}

/** Resolves the application's first file as Node does: by its name, without its extension, or as the index of a folder. */
function resolveApp(app: string): string {
  try {
    return createRequire(join(process.cwd(), "package.json")).resolve(resolve(app));
  } catch {
    throw new Error(`there is no file "${app}"`);
  }
}

async function examineEnvironment({ roundTrip, flush }: DoctorArguments): Promise<DoctorReport> {
  const report = await examineThisProcess(join(process.cwd(), "index.js"), roundTrip, flush);
  const findings = collectFindings(redactText);
  findings.warn(
    "app",
    "No app was given, so the report covers the environment, the packages installed here and what NODE_OPTIONS loads. What your app sets up in its own " +
      "process (SDK, context manager, propagator, instrumentations) is not covered.",
    "npx a2a-otel-cli doctor app.js",
  );
  return prependFindings(report, findings.all);
}

/** Examines this process, in which no application runs. The examination is loaded on demand: mostly the application's process does the work. */
async function examineThisProcess(entry: string, roundTrip: boolean, flush: boolean): Promise<DoctorReport> {
  const { examineApp } = await import("../examine-app.ts");
  const { report } = await examineApp({ entry, roundTrip, timeout: 5000, flush, hasApplication: false });
  return report;
}

async function examineProcess(entry: string, options: DoctorArguments): Promise<DoctorReport> {
  const outcome = await runApp(entry, options);
  const message = outcome.messages.find(({ type }) => type === "report");
  if (message?.type === "report") return prependFindings(message.report, describeApp(entry, message, outcome));
  return prependFindings(await examineThisProcess(entry, false, false), [explainMissingReport(entry, outcome, options)]);
}

function describeApp(entry: string, { after, idle, isOwnCopy }: Message & { type: "report" }, { messages }: Outcome): Finding[] {
  const findings = collectFindings(redactText);
  const app = displayPath(entry);
  const thrown = messages.find((message) => message.type === "thrown");
  if (thrown?.type === "thrown") {
    findings.warn(
      "app-threw",
      `${app} threw an error ${seconds(thrown.after)} after its start, which a handler of the app caught:\n${thrown.error}`,
    );
  }
  if (idle) {
    findings.warn(
      "app",
      `${app} had nothing left to do after ${seconds(after)} and was about to end. It was examined then, so what it had already shut down is missing in this report.`,
    );
  } else {
    findings.ok("app", `${app} was examined ${seconds(after)} after its start. What it starts later is not covered.`);
  }
  if (!isOwnCopy) {
    findings.warn(
      "app-copy",
      "The app has no copy of a2a-otel that the doctor can use, so it was examined through the doctor's own copies of a2a-otel and @opentelemetry/api. They " +
        "may not see everything that is registered in the app.",
      "npm i a2a-otel @opentelemetry/api",
    );
  }
  return findings.all;
}

function explainMissingReport(entry: string, outcome: Outcome, { timeout, wait }: DoctorArguments): Finding {
  const { messages, code, signal, timedOut } = outcome;
  const findings = collectFindings(redactText);
  const app = displayPath(entry);
  const last = messages.findLast(({ type }) => type !== "report");
  const thrown = messages.find((message) => message.type === "thrown");
  const consequence = "so it could not be examined";
  if (timedOut) {
    findings.error(
      "app",
      `${app} kept its event loop busy for ${seconds(timeout)}, ${consequence}.`,
      "If the app needs more time to start, use --timeout with more milliseconds.",
    );
  } else if (thrown?.type === "thrown") {
    findings.error(
      "app",
      `${app} threw an error ${seconds(thrown.after)} after its start, ${consequence}:\n${thrown.error}`,
      "Fix this error first. The app's own output is above.",
    );
  } else if (last?.type === "failed") {
    findings.error("app", `The examination of ${app} failed: ${last.error}`, "Please report this error with its text.");
  } else if (last?.type === "exit") {
    findings.error(
      "app",
      `${app} called process.exit(${last.code}) ${seconds(last.after)} after its start, ${consequence}.`,
      wait > 0
        ? "If the app does its work first, use a shorter --wait (--wait 0). Otherwise call doctor() of a2a-otel-cli/doctor inside the app."
        : "Call doctor() of a2a-otel-cli/doctor inside the app.",
    );
  } else {
    const how = signal === null ? `with code ${code}` : `by ${signal}`;
    findings.error(
      "app",
      `The process of ${app} ended ${how} before the app ran, ${consequence}.`,
      "Node's error message is above.",
    );
  }
  return findings.all[0] as Finding;
}

/** A report with other findings before its own. */
function prependFindings(report: DoctorReport, findings: readonly Finding[]): DoctorReport {
  return createReport({ ...report, findings: [...findings, ...report.findings] });
}

const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(1)} s`;
