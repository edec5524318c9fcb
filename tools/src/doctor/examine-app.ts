import { loadAppModules } from "./app-modules.ts";
import { examine } from "./examine.ts";
import type { Examination } from "./examine.ts";
import { loadedFiles } from "./packages.ts";
import type { DoctorReport } from "./report.ts";

/** What to examine, but for what is found out here. */
export interface AppExamination extends Omit<Examination, "modules" | "files" | "entry"> {
  readonly entry: string;
}

export interface AppReport {
  readonly report: DoctorReport;
  /** Whether the application's own copy of a2a-otel was examined; false: it has none, and this package's one was used. */
  readonly isOwnCopy: boolean;
}

/** Examines the process that it runs in through the copies of a2a-otel and of OpenTelemetry's API that the application uses. */
export async function examineApp(examination: AppExamination): Promise<AppReport> {
  // Before anything else is loaded, so that only the application's own files are in the list.
  const files = loadedFiles();
  const found = await loadAppModules(examination.entry);
  const modules = found ?? (await import("./own-modules.ts")).ownModules;
  return { report: await examine({ ...examination, modules, files }), isOwnCopy: found !== undefined };
}
