import { createRequire } from "node:module";
import { trace } from "@opentelemetry/api";
import { HttpInstrumentation } from "@opentelemetry/instrumentation-http";
import { UndiciInstrumentation } from "@opentelemetry/instrumentation-undici";
import got from "got";
import { expect, it } from "vitest";
import { listen } from "../support/server.ts";
import { startTelemetry } from "../support/telemetry.ts";
import { policyMatrix } from "./matrix.ts";
import { thePackage } from "./package-copy.ts";
import { oneLayer, twoLayers } from "./stackings.ts";

/** The matrix beside OpenTelemetry's own instrumentation of undici and of node:http, which is registered now, for the rest of the process. */
export function foreignMatrix(name: string): void {
  const instrumentations = [
    new UndiciInstrumentation(),
    // The SERVER spans of the hosts are of no interest here.
    new HttpInstrumentation({ disableIncomingRequestInstrumentation: true }),
  ];
  // HttpInstrumentation patches the module when it is required.
  const require = createRequire(import.meta.url);
  require("node:http");
  require("http");
  const useTracerProvider = (): void => {
    for (const each of instrumentations) each.setTracerProvider(trace.getTracerProvider());
  };

  it("records the calls of clients that are not instrumented by us", async () => {
    const telemetry = startTelemetry();
    useTracerProvider();
    const server = await listen((_, response) => response.end("ok"));
    await (await fetch(server.url)).text();
    await got(server.url).text();
    await telemetry.settled();
    const scopes = telemetry.spans().map((span) => span.instrumentationScope.name);
    expect(scopes).toEqual(["@opentelemetry/instrumentation-undici", "@opentelemetry/instrumentation-http"]);
    await server.close();
    await telemetry.stop();
  });

  policyMatrix({
    name,
    stackings: [...oneLayer(thePackage), ...twoLayers(thePackage, thePackage)],
    onSdkStarted: useTracerProvider,
  });
}
