// With the loader hook before it, and without what instrumentation-http then does twice.
import { register } from "node:module";
import { onFlush } from "./flush.ts";

register("@opentelemetry/instrumentation/hook.mjs", import.meta.url);
const { getNodeAutoInstrumentations } = await import("@opentelemetry/auto-instrumentations-node");
const { NodeSDK } = await import("@opentelemetry/sdk-node");

const sdk = new NodeSDK({
  instrumentations: [
    getNodeAutoInstrumentations({ "@opentelemetry/instrumentation-http": { disableOutgoingRequestInstrumentation: true } }),
  ],
});
sdk.start();
onFlush(() => sdk.shutdown());
