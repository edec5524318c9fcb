import { trace } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { BasicTracerProvider, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { registerOTel } from "@vercel/otel";

const processor = (): SimpleSpanProcessor => new SimpleSpanProcessor(new OTLPTraceExporter());

// What an application may have of an SDK: one of these, or none.
if (process.env["SDK"] === "own") trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [processor()] }));
if (process.env["SDK"] === "vercel") registerOTel({ serviceName: "app", spanProcessors: [processor()] });
