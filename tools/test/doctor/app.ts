import { execFile } from "node:child_process";
import { cpSync, globSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { DoctorReport, Finding } from "../../src/doctor.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));

/** For tests that start processes: several at a time, as each waits more than it works, and with patience for a machine that has other work. */
export const PROCESSES = { concurrent: true, timeout: 60_000 } as const;

/** An app in a folder of its own, with packages in `node_modules` as an installation puts them there. */
export interface App {
  readonly folder: string;
  readonly remove: () => void;
}

/**
 * Makes an app.
 *
 * @param files by their path in the app's folder.
 * @param isUser whether a2a-otel is installed in it.
 */
export function makeApp(files: Record<string, string>, isUser = true): App {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "a2a-otel-doctor-")));
  const modules = join(folder, "node_modules");
  mkdirSync(join(modules, "@opentelemetry"), { recursive: true });
  for (const name of globSync("node_modules/@opentelemetry/*", { cwd: root })) symlinkSync(join(root, name), join(folder, name));
  if (isUser) symlinkSync(root, join(modules, "a2a-otel"));
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  }
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Puts a copy of @opentelemetry/api that says that it is of another version into a `node_modules` below an app's folder. */
export function copyApi(app: App, below: string, version: string): void {
  const target = join(app.folder, below, "node_modules/@opentelemetry/api");
  rmSync(target, { recursive: true, force: true });
  cpSync(realpathSync(join(root, "node_modules/@opentelemetry/api")), target, { recursive: true });
  const { version: from } = JSON.parse(readFileSync(join(target, "package.json"), "utf8")) as { version: string };
  for (const name of globSync("{package.json,dist/**/*.?js}", { cwd: target })) {
    const file = join(target, name);
    writeFileSync(file, readFileSync(file, "utf8").replaceAll(`"${from}"`, `"${version}"`));
  }
}

export interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command in an app's folder, as `npx a2a-otel-cli` does. */
export function cli(args: readonly string[], cwd: string = root, env: Record<string, string> = {}): Promise<Run> {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(?:OTEL_|NODE_OPTIONS|A2A_OTEL|https?_proxy|no_proxy)/i.test(name),
  );
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [join(root, "tools/dist/cli.js"), ...args],
      { cwd, env: { ...Object.fromEntries(inherited), ...env }, timeout: 50_000, killSignal: "SIGKILL" },
      (error, stdout, stderr) => resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr }),
    );
    child.stdin?.end();
  });
}

export interface Diagnosis extends Run {
  readonly report: DoctorReport;
  /** The findings with an id. */
  readonly of: (id: string) => Finding[];
  /** The ids of all findings of a level. */
  readonly ids: (level: Finding["level"]) => string[];
  readonly summary: { readonly code: number; readonly errors: string[]; readonly warnings: string[] };
}

/** Runs `a2a-otel-cli doctor --json` over an app whose first file is the given code. */
export async function diagnose(
  code: string,
  {
    file = "app.mjs",
    args = [],
    env = {},
    prepare,
  }: { file?: string; args?: string[]; env?: Record<string, string>; prepare?: (app: App) => void } = {},
): Promise<Diagnosis> {
  const app = makeApp({ [file]: code });
  try {
    prepare?.(app);
    const run = await cli(["doctor", "--json", "--wait", "100", ...args, file], app.folder, env);
    if (!run.stdout.startsWith("{")) throw new Error(`no report, but: ${run.stdout}${run.stderr}`);
    const report = JSON.parse(run.stdout) as DoctorReport;
    const ids = (level: Finding["level"]): string[] =>
      report.findings.filter((finding) => finding.level === level).map(({ id }) => id);
    return {
      ...run,
      report,
      ids,
      of: (id) => report.findings.filter((finding) => finding.id === id),
      summary: { code: run.code, errors: ids("error"), warnings: ids("warning") },
    };
  } finally {
    app.remove();
  }
}

/** Code that starts an SDK of which every part is there, or of which one is left out or another. */
export function sdk({
  processors = "new SimpleSpanProcessor({ exporter: new InMemorySpanExporter() })",
  sampler = "undefined",
  manager = "new AsyncLocalStorageContextManager().enable()",
  propagator = "new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()] })",
}: { processors?: string; sampler?: string; manager?: string; propagator?: string } = {}): string {
  return `
    import { context, propagation, trace } from "@opentelemetry/api";
    import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
    import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from "@opentelemetry/core";
    import { resourceFromAttributes } from "@opentelemetry/resources";
    import * as sdk from "@opentelemetry/sdk-trace";
    const { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } = sdk;
    const startSdk = () => {
      const resource = resourceFromAttributes({ "service.name": "agent" });
      const provider = new TracerProvider({ resource, sampler: ${sampler}, spanProcessors: [${processors}] });
      trace.setGlobalTracerProvider(provider);
      const manager = ${manager};
      if (manager) context.setGlobalContextManager(manager);
      const propagator = ${propagator};
      if (propagator) propagation.setGlobalPropagator(propagator);
      return provider;
    };
  `;
}

/** Code of a server that keeps its process alive. */
export const SERVER = `
  import { createServer } from "node:http";
  createServer((_, response) => response.end("agent")).listen(0, "127.0.0.1");
`;
/** Code that instruments the global fetch. */
export const FETCH = `
  import { instrumentFetch } from "a2a-otel/fetch";
  instrumentFetch();
`;
