import { redactText } from "a2a-otel/diagnostics";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { runApp } from "./app-process.ts";
import type { Outcome } from "./app-process.ts";
import { DOCTOR_HELP, parseArguments } from "./arguments.ts";
import type { DoctorArguments } from "./arguments.ts";
import type { Message } from "./messages.ts";
import { shownPath } from "../try-get.ts";
import { formatReport, reportOf } from "../report.ts";
import { collectFindings } from "../findings.ts";
import type { DoctorReport } from "../report.ts";
import type { Finding } from "../findings.ts";
import { currentRuntime } from "../checks/runtime.ts";

/**
 * `a2a-otel-cli doctor`: looks at an app, or without one at the environment, and prints what it found.
 *
 * @returns the exit code: 0 without errors, 1 with errors, 2 for arguments that are wrong.
 */
export async function doctorCommand(args: readonly string[]): Promise<number> {
  let options: DoctorArguments;
  let entry: string | undefined;
  try {
    options = parseArguments(args);
    entry = options.help || options.app === undefined ? undefined : resolveApp(options.app);
  } catch (error) {
    process.stderr.write(`a2a-otel-cli doctor: ${(error as Error).message}. See a2a-otel-cli doctor --help.\n`);
    return 2;
  }
  if (entry !== undefined && currentRuntime().name === "deno") {
    process.stderr.write(
      "a2a-otel-cli doctor: an app is started with Node or Bun; on Deno call doctor() of a2a-otel-cli/doctor inside it.\n",
    );
    return 2;
  }
  if (options.help) {
    process.stdout.write(DOCTOR_HELP);
    return 0;
  }
  const report = entry === undefined ? await withoutApp(options) : await ofApp(entry, options);
  process.stdout.write(options.json ? `${JSON.stringify(report, null, 2)}\n` : formatReport(report));
  return report.ok ? 0 : 1;
}

/** The app's first file, as node finds it: by its name, without its extension, or as a folder's index. */
function resolveApp(app: string): string {
  try {
    return createRequire(join(process.cwd(), "package.json")).resolve(resolve(app));
  } catch {
    throw new Error(`there is no file "${app}"`);
  }
}

async function withoutApp({ roundTrip, flush }: DoctorArguments): Promise<DoctorReport> {
  const report = await examineHere(undefined, roundTrip, flush);
  const findings = collectFindings(redactText);
  findings.warn(
    "app",
    "No app was given: this is about the environment, the packages installed here and what NODE_OPTIONS loads. What your app sets up in its own process (SDK, " +
      "context manager, propagator, instrumentations) cannot be seen from here.",
    "npx a2a-otel-cli doctor app.js",
  );
  return withFindings(report, findings.all);
}

/** What can be told of the environment alone. It is loaded only then: most often the app's process does all the work. */
async function examineHere(entry: string | undefined, roundTrip: boolean, flush: boolean): Promise<DoctorReport> {
  const { examineApp } = await import("../examine-app.ts");
  const from = entry ?? join(process.cwd(), "index.js");
  const { report } = await examineApp({ entry: from, roundTrip, timeout: 5000, flush, hasApplication: false });
  return report;
}

async function ofApp(entry: string, options: DoctorArguments): Promise<DoctorReport> {
  const outcome = await runApp(entry, options);
  const message = outcome.messages.find(({ type }) => type === "report");
  if (message?.type === "report") return withFindings(message.report, aboutApp(entry, message, outcome));
  return withFindings(await examineHere(entry, false, false), [whyNothingWasSeen(entry, outcome, options)]);
}

function aboutApp(entry: string, { after, idle, ownCopy }: Message & { type: "report" }, { messages }: Outcome): Finding[] {
  const findings = collectFindings(redactText);
  const app = shownPath(entry);
  const thrown = messages.find((message) => message.type === "thrown");
  if (thrown?.type === "thrown") {
    findings.warn(
      "app-threw",
      `${app} threw ${seconds(thrown.after)} after its start, and a handler of its own kept it alive:\n${thrown.error}`,
    );
  }
  if (idle) {
    findings.warn(
      "app",
      `${app} had nothing left to do after ${seconds(after)} and would have ended; it was looked at then. What it has shut down by itself was no longer there.`,
    );
  } else findings.ok("app", `${app} was looked at ${seconds(after)} after its start; what it starts later was not seen.`);
  if (!ownCopy) {
    findings.warn(
      "app-copy",
      "The app has no copy of a2a-otel with a doctor, so the command's own one looked, by its own copy of @opentelemetry/api: what that cannot see is not " +
        "missing in the app for certain.",
      "npm i a2a-otel @opentelemetry/api",
    );
  }
  return findings.all;
}

function whyNothingWasSeen(
  entry: string,
  { messages, code, signal, timedOut }: Outcome,
  { timeout, wait }: DoctorArguments,
): Finding {
  const findings = collectFindings(redactText);
  const app = shownPath(entry);
  const last = messages.findLast(({ type }) => type !== "report");
  const thrown = messages.find((message) => message.type === "thrown");
  const unseen = "so it could not be looked at";
  if (timedOut) {
    findings.error(
      "app",
      `${app} did not come to rest within ${seconds(timeout)}, ${unseen}: something keeps its event loop busy.`,
      "--timeout with more milliseconds, if it needs so long to start up.",
    );
  } else if (thrown?.type === "thrown") {
    findings.error(
      "app",
      `${app} threw ${seconds(thrown.after)} after its start, ${unseen}:\n${thrown.error}`,
      "mend that first; the app's own output is above.",
    );
  } else if (last?.type === "failed") {
    findings.error("app", `Looking at ${app} failed: ${last.error}`, "please report this, with this text.");
  } else if (last?.type === "exit") {
    findings.error(
      "app",
      `${app} called process.exit(${last.code}) ${seconds(last.after)} after its start, ${unseen}.`,
      wait > 0
        ? "a shorter --wait (--wait 0), if it does its work first; else call doctor() inside it."
        : "call doctor() inside it.",
    );
  } else {
    const how = signal === null ? `with code ${code}` : `by ${signal}`;
    findings.error(
      "app",
      `The process of ${app} ended ${how} before the app ran, ${unseen}.`,
      "look at what node says about it above.",
    );
  }
  return findings.all[0] as Finding;
}

/** A report with other findings before its own. */
function withFindings(report: DoctorReport, findings: readonly Finding[]): DoctorReport {
  return reportOf({ ...report, findings: [...findings, ...report.findings] });
}

const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(1)} s`;
