import { loadAppModules } from "./app-modules.ts";
import { examine } from "./examine.ts";
import type { Examination } from "./examine.ts";
import { loadedFiles } from "./packages.ts";
import type { DoctorReport } from "./report.ts";

/** The options of an examination that are not determined here. */
export interface AppExamination extends Omit<Examination, "modules" | "files" | "entry"> {
  readonly entry: string;
}

export interface AppReport {
  readonly report: DoctorReport;
  /** Whether the application's own copy of a2a-otel was examined. If it has none, the copy that this package resolves was used. */
  readonly isOwnCopy: boolean;
}

/** Examines this process through the copies of a2a-otel and of OpenTelemetry's API that the application uses. */
export async function examineApp(examination: AppExamination): Promise<AppReport> {
  // The list is made before anything else is loaded, so that it contains the application's files only.
  const files = loadedFiles();
  const appModules = await loadAppModules(examination.entry);
  const modules = appModules ?? (await import("./own-modules.ts")).ownModules;
  return { report: await examine({ ...examination, modules, files }), isOwnCopy: appModules !== undefined };
}
