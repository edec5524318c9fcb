// One function of the package's main entry.
import { injectTraceContext } from "a2a-otel";

console.log(JSON.stringify(injectTraceContext({})));
