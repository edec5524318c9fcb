// OpenTelemetry's own instrumentation for the clients and for servers; loaded before them, by `--import`.
import { createRequire } from "node:module";
import { registerInstrumentations } from "@opentelemetry/instrumentation";
import { HttpInstrumentation } from "@opentelemetry/instrumentation-http";
import { UndiciInstrumentation } from "@opentelemetry/instrumentation-undici";
import { registerPeer, sdkPeer } from "./peer.ts";

registerPeer(sdkPeer());
registerInstrumentations({ instrumentations: [new UndiciInstrumentation(), new HttpInstrumentation()] });
// It patches the module when that is required.
for (const name of ["http", "node:http"]) createRequire(import.meta.url)(name);
