// OpenTelemetry's own instrumentations of the clients and servers. Loaded with `--import`, before the client.
import { createRequire } from "node:module";
import { registerInstrumentations } from "@opentelemetry/instrumentation";
import { ExpressInstrumentation } from "@opentelemetry/instrumentation-express";
import { HttpInstrumentation } from "@opentelemetry/instrumentation-http";
import { UndiciInstrumentation } from "@opentelemetry/instrumentation-undici";
import { registerInstrumentation, startSdk } from "./instrumentation.ts";

registerInstrumentation(startSdk());
registerInstrumentations({
  instrumentations: [new UndiciInstrumentation(), new HttpInstrumentation(), new ExpressInstrumentation()],
});
// instrumentation-http patches a module when it is required.
for (const name of ["http", "node:http"]) createRequire(import.meta.url)(name);
