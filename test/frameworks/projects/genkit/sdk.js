// The instrumentation file of an application: node --import ./tracing.js agent.js
import { trace } from "@opentelemetry/api";
import { TracerProvider } from "@opentelemetry/sdk-trace";
import { instrumentNode } from "a2a-otel/node";
import { setupPropagation } from "a2a-otel/setup";
import { collector } from "./collector.js";

trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [collector] }));
setupPropagation();
instrumentNode({ modelProviders: [process.env.MODEL_URL] });
