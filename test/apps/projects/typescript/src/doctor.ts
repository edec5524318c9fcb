import { doctor, formatReport } from "a2a-otel-cli/doctor";
import type { ClientSpan, DoctorOptions, DoctorReport, Finding, PackageCopy, RoundTrip, Runtime } from "a2a-otel-cli/doctor";
import { same } from "./type.js";

const options: DoctorOptions = { roundTrip: true, timeout: 1000, flush: false };
const report = await doctor(options);
same<typeof report, DoctorReport>();
report.findings satisfies readonly Finding[];
report.copies satisfies readonly PackageCopy[];
report.runtime satisfies Runtime;
report.roundTrip satisfies RoundTrip | undefined;
export const spans: readonly ClientSpan[] = report.roundTrip?.clientSpans ?? [];
export const text: string = formatReport(report);
// @ts-expect-error no such option
await doctor({ verbose: true });
