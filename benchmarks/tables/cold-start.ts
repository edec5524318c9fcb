import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { loadedFiles } from "../../scripts/loaded-files.ts";
import type { ImportCost, ImportJob } from "../cold-start/import-process.ts";
import { median, quietestTenth } from "../measure/statistics.ts";
import { ratio, withTarget } from "../report/table.ts";
import type { Table } from "../report/table.ts";
import { COLD_START_RATIOS, LOADED_FILES } from "../targets.ts";
import type { Effort } from "./repeated-measurement.ts";

interface Import {
  readonly name: string;
  readonly modules: readonly string[];
  /** Imported before the measurement. */
  readonly before: readonly string[];
  /** The files of this package that are loaded; undefined for other packages. */
  readonly files: number | undefined;
}

/** What every agent with OpenTelemetry loads. */
const BEFORE: readonly string[] = ["@opentelemetry/api", "@opentelemetry/core"];
/** The clients that an entry point imports itself, and that an agent that uses it loads anyway. */
const CLIENTS: readonly string[] = ["axios", "node:http", "node:https"];
const IMPORTING_CLIENTS: ReadonlySet<string> = new Set(["./axios", "./got"]);
const REFERENCE = "@opentelemetry/instrumentation-undici";
const ALL = "all entry points together";
const PROCESSES = 20;

export async function coldStartTable({ share, progress }: Effort): Promise<Table> {
  const imports: Import[] = [{ name: REFERENCE, modules: [REFERENCE], before: BEFORE, files: undefined }, ...entryPoints()];
  const costs = new Map<string, ImportCost[]>(imports.map(({ name }) => [name, []]));
  const processes = Math.ceil(PROCESSES * share);
  for (let i = 0; i < processes; i++) {
    progress(`cold start: process ${i + 1} of ${processes} for each entry point`);
    for (const job of imports) costs.get(job.name)?.push(await measureImport(job));
  }
  const timeOf = (name: string): number => quietestTenth((costs.get(name) ?? []).map(({ time }) => time));
  const rows = imports.map(({ name, files }) => {
    const toReference = timeOf(name) / timeOf(REFERENCE);
    return [
      name,
      timeOf(name).toFixed(1),
      withTarget(ratio(toReference), toReference, COLD_START_RATIOS[name]),
      files === undefined ? "" : name === ALL ? String(files) : withTarget(String(files), files, LOADED_FILES),
      String(Math.round(median((costs.get(name) ?? []).map(({ heap }) => heap)) / 1024)),
    ];
  });
  return {
    title: "Cold start",
    command: "npm run bench -- --only cold-start",
    text: [
      `CPU time in milliseconds of the first import, over the quietest tenth of ${PROCESSES} processes, which alternate; the same divided by the time of OpenTelemetry's`,
      "instrumentation-undici; the number of files of this package that are loaded; and kilobytes by which the heap has grown, after a garbage",
      "collection. The OpenTelemetry API and core were imported before; for `a2a-otel/axios`, `a2a-otel/got` and all entry points together also what those",
      "import of their clients: axios, and Node's `http` and `https`.",
    ].join("\n"),
    head: ["", "CPU time", `to ${REFERENCE.replace("@opentelemetry/", "")}`, "files", "heap"],
    rows,
  };
}

/** Each export of package.json that is a module, and all of them. */
function entryPoints(): Import[] {
  const { exports } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
    exports: Record<string, string>;
  };
  const entries = Object.entries(exports).filter(([, file]) => file.endsWith(".js"));
  const files = (names: readonly string[]): number => {
    const loaded = new Set<string>();
    for (const name of names) loadedFiles(fileURLToPath(new URL(`../../${name}`, import.meta.url)), loaded);
    return loaded.size;
  };
  const modules = entries.map(([subpath]) => `a2a-otel${subpath.slice(1)}`);
  const withClients = [...BEFORE, ...CLIENTS];
  return [
    ...entries.map(([subpath, file], i) => ({
      name: modules[i] as string,
      modules: modules.slice(i, i + 1),
      before: IMPORTING_CLIENTS.has(subpath) ? withClients : BEFORE,
      files: files([file]),
    })),
    { name: ALL, modules, before: withClients, files: files(entries.map(([, file]) => file)) },
  ];
}

const PROCESS = fileURLToPath(new URL("../cold-start/import-process.ts", import.meta.url));
const execute = promisify(execFile);

async function measureImport({ before, modules }: ImportJob): Promise<ImportCost> {
  const { NODE_COMPILE_CACHE: _, ...env } = process.env;
  const { stdout } = await execute(process.execPath, ["--expose-gc", PROCESS, JSON.stringify({ before, modules })], { env });
  return JSON.parse(stdout) as ImportCost;
}
