import { listen } from "../support/server.ts";
import { startTelemetry } from "../support/telemetry.ts";
import { foreignMatrix } from "./foreign.ts";
import { thePackage } from "./package-copy.ts";

// The package subscribes to undici's channels with the first call.
const telemetry = startTelemetry();
const undo = thePackage.instrumentFetch();
const server = await listen((_, response) => response.end("ok"));
await (await fetch(server.url)).text();
undo();
await server.close();
await telemetry.stop();

foreignMatrix("foreign instrumentation last");
