import { register } from "node:module";
import { NodeSDK } from "@opentelemetry/sdk-node";
import { getNodeAutoInstrumentations } from "@opentelemetry/auto-instrumentations-node";
import { onFlush } from "./flush.ts";

register("@opentelemetry/instrumentation/hook.mjs", import.meta.url);

const sdk = new NodeSDK({
  instrumentations: [
    getNodeAutoInstrumentations({
      "@opentelemetry/instrumentation-http": { enabled: false },
      "@opentelemetry/instrumentation-undici": { enabled: false },
    }),
  ],
});
sdk.start();
onFlush(() => sdk.shutdown());
