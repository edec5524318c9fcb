import { doctor } from "a2a-otel-cli/doctor";
import { instrumentFetch } from "a2a-otel/fetch";
import { setupPropagation } from "a2a-otel/setup";

setupPropagation();
instrumentFetch();

const report = await doctor();
if (!report.ok) console.warn(String(report));
for (const { level, id, message, remedy } of report.findings) {
  if (level !== "ok") console.warn(id, message, remedy);
}
