// OpenTelemetry's SDK 2 under the names that SDK 3 has for the same things.
const sdk = await import("@opentelemetry/sdk-trace").catch(() => import("@opentelemetry/sdk-trace-base"));

export const TracerProvider = sdk.TracerProvider ?? sdk.BasicTracerProvider;
export const { AlwaysOffSampler } = sdk;
