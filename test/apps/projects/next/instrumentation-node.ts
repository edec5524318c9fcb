import { trace } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { BasicTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { registerOTel } from "@vercel/otel";
import { instrumentFetch } from "a2a-otel/fetch";
import { setupPropagation } from "a2a-otel/setup";

const processor = (): SimpleSpanProcessor => new SimpleSpanProcessor(new OTLPTraceExporter());

// What there may be of an SDK: an application has one of these lines.
if (process.env["SDK"] === "own") trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [processor()] }));
if (process.env["SDK"] === "vercel") registerOTel({ serviceName: "app", spanProcessors: [processor()] });

// Fills what is still empty: no SDK brings all.
setupPropagation();
// Beneath the fetch that Next.js makes of this one: what its cache answers, no request leaves for.
instrumentFetch();
