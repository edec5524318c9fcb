import { readFileSync } from "node:fs";
import { SpanKind, SpanStatusCode } from "@opentelemetry/api";
import type { Attributes } from "@opentelemetry/api";
import type { MetricData } from "@opentelemetry/sdk-metrics";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";

type Level = "required" | "conditionally_required" | "recommended" | "opt_in";

interface Definition {
  readonly attributes: Record<string, Level>;
}

/** Generated from the conventions' model files by scripts/semconv-model.ts. */
const MODEL = JSON.parse(readFileSync(new URL("model.json", import.meta.url), "utf8")) as {
  readonly attributes: Record<string, string | unknown[]>;
  readonly spans: Record<string, Definition & { readonly kind: string }>;
  readonly metrics: Record<string, Definition & { readonly instrument: string; readonly unit: string }>;
};

/** Attributes whose enumeration in the model is closed; others list well-known values only. */
const CLOSED = new Set(["http.request.method", "a2a.method.name", "a2a.task.state"]);
const TEMPLATES = ["http.request.header.", "http.response.header.", "gen_ai.prompt.variable."];
const HTTP_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const MCP_SECONDS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300];

/** The convention of the model that a span follows, by its Required attribute; undefined for a span of the application. */
export function conventionOf(span: ReadableSpan): string | undefined {
  const { attributes, kind } = span;
  const side = kind === SpanKind.CLIENT ? "client" : "server";
  if (kind !== SpanKind.CLIENT && kind !== SpanKind.SERVER) return undefined;
  if ("mcp.method.name" in attributes) return `mcp.${side}`;
  const isHttp = "http.request.method" in attributes;
  if (!("a2a.method.name" in attributes)) return isHttp ? `http.${side}` : undefined;
  if (isHttp) return kind === SpanKind.SERVER ? "a2a.http.server" : "http.client";
  return `a2a.${side}`;
}

/** What a span violates, each as `MUST ...` or `SHOULD ...`. The checks are those of docs/http and docs/gen-ai at the revisions of the model. */
export function violationsOfSpan(span: ReadableSpan): string[] {
  const convention = conventionOf(span);
  if (convention === undefined) return [`MUST follow a convention: ${span.name}`];
  const { attributes, status } = span;
  const definition = MODEL.spans[convention] as Definition;
  const found = [...attributeViolations(definition, attributes), ...nameViolations(span, convention)];
  const type = attributes["error.type"];
  const isError = status.code === SpanStatusCode.ERROR;
  if (isError !== (type !== undefined)) found.push(`MUST have error.type if and only if the status is an error: ${String(type)}`);
  if (status.code === SpanStatusCode.OK) found.push("SHOULD not have the status OK");
  if (isError && status.message !== undefined && type === String(attributes["http.response.status_code"])) {
    found.push("SHOULD not describe a status that the status code describes");
  }
  if (isError && status.message === undefined && !/^\d{3}$/.test(String(type))) found.push("SHOULD describe an error");
  if (convention.startsWith("http") || convention === "a2a.http.server") found.push(...httpViolations(span));
  const schema = span.instrumentationScope.schemaUrl;
  if ((convention === "a2a.client" || convention === "a2a.server") && schema !== undefined) {
    found.push("SHOULD not name a schema that lacks its attributes");
  }
  return found.map((violation) => `${convention}: ${violation}`);
}

function attributeViolations({ attributes: levels }: Definition, attributes: Attributes): string[] {
  const found: string[] = [];
  for (const [name, level] of Object.entries(levels)) {
    if (level === "required" && attributes[name] === undefined) found.push(`MUST have ${name}`);
  }
  for (const [name, value] of Object.entries(attributes)) {
    const template = TEMPLATES.find((prefix) => name.startsWith(prefix))?.slice(0, -1);
    if (levels[template ?? name] === undefined) found.push(`SHOULD not have ${name}`);
    const type = MODEL.attributes[template ?? name];
    if (type !== undefined && !hasType(value, type, name)) found.push(`MUST have a value of its type as ${name}: ${String(value)}`);
  }
  for (const side of ["server", "client", "network.peer"]) {
    if (attributes[`${side}.port`] !== undefined && attributes[`${side}.address`] === undefined) {
      found.push(`SHOULD not have ${side}.port without ${side}.address`);
    }
  }
  return found;
}

function hasType(value: unknown, type: string | unknown[], name: string): boolean {
  if (Array.isArray(type)) return CLOSED.has(name) ? type.includes(value) : typeof value === "string" && value !== "";
  if (type.endsWith("string[]") || type === "template[string[]]")
    return Array.isArray(value) && value.every((item) => typeof item === "string");
  if (type === "int") return Number.isInteger(value);
  if (type === "double") return typeof value === "number";
  if (type === "boolean") return typeof value === "boolean";
  return type === "any" || (typeof value === "string" && value !== "");
}

function nameViolations({ name, attributes }: ReadableSpan, convention: string): string[] {
  const method = attributes["http.request.method"] === "_OTHER" ? "HTTP" : attributes["http.request.method"];
  const target = attributes[convention === "http.client" ? "url.template" : "http.route"];
  const expected = convention.startsWith("http")
    ? [method, target]
    : convention.startsWith("a2a")
      ? [attributes["a2a.method.name"]]
      : [attributes["mcp.method.name"], attributes["gen_ai.tool.name"] ?? attributes["gen_ai.prompt.name"]];
  const text = expected.flatMap((part) => (typeof part === "string" ? [part] : [])).join(" ");
  return name === text ? [] : [`SHOULD be named "${text}": ${name}`];
}

function httpViolations({ attributes, kind, status, events }: ReadableSpan): string[] {
  const found: string[] = [];
  const isClient = kind === SpanKind.CLIENT;
  const code = attributes["http.response.status_code"] as number | undefined;
  const isError = status.code === SpanStatusCode.ERROR;
  const original = attributes["http.request.method_original"];
  if (code !== undefined && code >= (isClient ? 400 : 500) && !isError) found.push(`SHOULD have the status ERROR for ${code}`);
  if (!isClient && code !== undefined && code >= 400 && code < 500 && isError && /^\d+$/.test(String(attributes["error.type"]))) {
    found.push(`MUST have no status for ${code}`);
  }
  if (original !== undefined && original === attributes["http.request.method"]) found.push("MUST not repeat http.request.method");
  if (attributes["http.request.method"] === "_OTHER" && original === undefined)
    found.push("MUST have http.request.method_original");
  if (/:\/\/[^/?#]*@/.test(String(attributes["url.full"]).replace("REDACTED:REDACTED@", "")))
    found.push("MUST not have credentials");
  if (isClient && code !== undefined) {
    for (const name of ["network.peer.address", "network.protocol.version"]) {
      if (attributes[name] === undefined) found.push(`SHOULD have ${name}`);
    }
  }
  if (events.length > 0 && !isError) found.push("SHOULD not record an exception without an error");
  return found;
}

/** What the spans of a test violate together. */
export function violationsOfTraces(spans: readonly ReadableSpan[]): string[] {
  const found: string[] = [];
  const byId = new Map(spans.map((span) => [span.spanContext().spanId, span]));
  const exceptions = new Set<unknown>();
  for (const span of spans) {
    const parent = byId.get(span.parentSpanContext?.spanId ?? "");
    if (parent?.kind === span.kind && "a2a.method.name" in span.attributes && "a2a.method.name" in parent.attributes) {
      found.push(`MUST not match a2a.client beside its parent: ${span.name}`);
    }
    for (const { attributes } of span.events) {
      const stack = attributes?.["exception.stacktrace"];
      if (stack !== undefined && exceptions.has(stack)) found.push(`SHOULD not record an exception twice: ${span.name}`);
      exceptions.add(stack);
    }
  }
  return found;
}

/** What a metric violates. */
export function violationsOfMetric({ descriptor, dataPoints }: MetricData): string[] {
  const definition = MODEL.metrics[descriptor.name];
  if (definition === undefined) return [`MUST be defined: ${descriptor.name}`];
  const found: string[] = [];
  if (descriptor.unit !== definition.unit) found.push(`MUST have the unit ${definition.unit}`);
  for (const { attributes, value } of dataPoints) {
    const { boundaries } = (value as { buckets: { boundaries: number[] } }).buckets;
    const expected = descriptor.name.startsWith("http") ? HTTP_SECONDS : MCP_SECONDS;
    if (String(boundaries) !== String(expected)) found.push(`SHOULD have the boundaries ${String(expected)}`);
    found.push(...attributeViolations(definition, attributes));
    for (const [name, level] of Object.entries(definition.attributes)) {
      if (level === "opt_in" && attributes[name] !== undefined) found.push(`SHOULD not have ${name} unless it is opted in`);
    }
    const code = attributes["http.response.status_code"] as number | undefined;
    const limit = descriptor.name.startsWith("http.client") ? 400 : 500;
    if (code !== undefined && code >= limit && attributes["error.type"] === undefined)
      found.push(`MUST have error.type for ${code}`);
  }
  return found.map((violation) => `${descriptor.name}: ${violation}`);
}
