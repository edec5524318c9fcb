import { z } from "zod";
import type { Attributes, Span, Value } from "../span.ts";

/** Limits for the content of a span. What exceeds them is cut off and counted, so that one span cannot fill the memory. */
export const LIMITS = {
  /** Characters of a string. */
  text: 32_768,
  /** Characters of an attribute's name. */
  key: 256,
  /** Attributes of a span, an event, a link, a resource. */
  attributes: 256,
  /** Members of an array or a map. */
  members: 1000,
  /** Levels of arrays and maps in a value. */
  depth: 8,
  /** Events of a span, and links. */
  events: 512,
  links: 256,
} as const;

/** The approximate size of a span in memory without its texts. */
const SPAN_BYTES = 400;

/** Any value, or none: a field that is absent. */
const ANY = z.unknown().optional();

/**
 * A schema for a value that `read` converts. `read` returns undefined for an invalid value. In the JSON encoding of Protocol Buffers, `null` means
 * that a field is not set; `absent` is the value then.
 */
function field<Result>(expected: string, read: (value: unknown) => Result | undefined, absent?: Result): z.ZodType<Result> {
  return ANY.transform((value, context): Result => {
    const result = value === undefined || value === null ? absent : read(value);
    if (result !== undefined) return result;
    context.addIssue({ code: "custom", message: expected, input: value });
    return z.NEVER;
  });
}

function fields<Shape extends z.ZodRawShape>(shape: Shape): z.ZodObject<Shape> {
  return z.object(shape, "an object");
}

function listOf<Item>(item: z.ZodType<Item>): z.ZodType<Item[]> {
  return z
    .array(item, "an array")
    .nullish()
    .transform((list) => list ?? []);
}

/** Shortens a string to the limit and appends the number of removed characters. */
function cut(given: string, limit: number): string {
  return given.length <= limit ? given : `${given.slice(0, limit)}… (${given.length - limit} more characters)`;
}

const text = (limit: number): z.ZodType<string> =>
  field("a string", (value) => (typeof value === "string" ? cut(value, limit) : undefined), "");

/** A trace id or span id. OTLP/JSON encodes them in hex, not in base64 as other JSON of Protocol Buffers. Empty if absent or all zeros. */
const id = (digits: 16 | 32): z.ZodType<string> =>
  ANY.transform((value, context): string => {
    const hex = value instanceof Uint8Array ? Buffer.from(value).toString("hex") : (value ?? "");
    if (typeof hex === "string" && (hex === "" || (hex.length === digits && /^[0-9a-f]+$/i.test(hex))))
      return /^0*$/.test(hex) ? "" : hex.toLowerCase();
    context.addIssue({ code: "custom", message: typeof hex === "string" ? `${digits} hex digits` : "a string", input: value });
    return z.NEVER;
  });

const requiredId = (digits: 16 | 32): z.ZodType<string> =>
  ANY.transform((value, context): string => {
    const decoded = id(digits).safeParse(value);
    if (decoded.success && decoded.data !== "") return decoded.data;
    const message = decoded.error?.issues[0]?.message ?? `${digits} hex digits, not all of them zero`;
    context.addIssue({ code: "custom", message, input: value });
    return z.NEVER;
  });

const NANOSECONDS = "nanoseconds since 1970 as a string of digits";

/** A string, as OTLP/JSON requires, or a number, as some exporters send. */
const nanoseconds: z.ZodType<bigint> = field(
  NANOSECONDS,
  (value) => {
    const isNumber = typeof value === "number" && Number.isInteger(value) && value >= 0;
    return isNumber || (typeof value === "string" && /^\d{1,20}$/.test(value)) ? BigInt(value) : undefined;
  },
  0n,
);

/** An enum value by its number, or by its name with a prefix. */
function oneOf<const Name extends string>(names: readonly [Name, ...Name[]], prefix: string): z.ZodType<Name> {
  const read = (value: unknown): Name | undefined =>
    typeof value === "number" ? names[value] : names.find((name) => value === prefix + name);
  return field(`one of 0 to ${names.length - 1}`, read, names[0]);
}

/** A number of dropped items. An invalid number is ignored, because it is no reason to refuse a span. */
const count: z.ZodType<number> = ANY.transform((value) =>
  typeof value === "number" && Number.isSafeInteger(value) && value > 0 ? value : 0,
);

function readInteger(value: unknown): number | bigint | undefined {
  if (typeof value === "number" && Number.isInteger(value)) return value;
  if (typeof value !== "string" || !/^-?\d{1,20}$/.test(value)) return undefined;
  return Number.isSafeInteger(Number(value)) ? Number(value) : BigInt(value);
}

function readDouble(value: unknown): number | string | undefined {
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (typeof value !== "string" || value.trim() === "") return undefined;
  // JSON has no number literals for these.
  if (/^(?:NaN|-?Infinity)$/.test(value)) return value;
  return Number.isFinite(Number(value)) ? Number(value) : undefined;
}

function readBytes(value: unknown): string | undefined {
  const base64 = value instanceof Uint8Array ? Buffer.from(value).toString("base64") : value;
  return typeof base64 === "string" ? cut(base64, LIMITS.text) : undefined;
}

/** An AnyValue: an object with one of its fields, or without any for the empty value. */
function anyValue(depth: number): z.ZodType<Value> {
  const optional = <Type extends Value>(type: z.ZodType<Type>): z.ZodOptional<z.ZodNullable<z.ZodType<Type>>> => type.nullish();
  const deeper = (make: (value: z.ZodType<Value>) => z.ZodType<Value>): z.ZodType<Value> =>
    depth < LIMITS.depth ? make(anyValue(depth + 1)) : ANY.transform(() => "… (nested too deeply)");
  return fields({
    stringValue: optional(text(LIMITS.text)),
    boolValue: optional(z.boolean("true or false")),
    intValue: optional(field("an integer as a string of digits", readInteger)),
    doubleValue: optional(field("a number", readDouble)),
    arrayValue: optional(
      deeper((value) => fields({ values: listOf(value) }).transform(({ values }) => values.slice(0, LIMITS.members))),
    ),
    kvlistValue: optional(
      deeper((value) => fields({ values: keyValues(value) }).transform(({ values }) => toRecord(values, LIMITS.members))),
    ),
    bytesValue: optional(field("a string", readBytes)),
  })
    .nullish()
    .transform((any) => Object.values(any ?? {}).find((value) => value !== undefined && value !== null) ?? null);
}

type KeyValue = readonly [string, Value];

function keyValues(value: z.ZodType<Value>): z.ZodType<KeyValue[]> {
  return listOf(fields({ key: text(LIMITS.key), value }).transform((pair): KeyValue => [pair.key, pair.value]));
}

function toRecord(pairs: readonly KeyValue[], limit: number): Attributes {
  return Object.fromEntries(pairs.slice(0, limit));
}

const attributes: z.ZodType<{ attributes: Attributes; dropped: number }> = keyValues(anyValue(0)).transform((pairs) => ({
  attributes: toRecord(pairs, LIMITS.attributes),
  dropped: Math.max(0, pairs.length - LIMITS.attributes),
}));

const EVENT = fields({ timeUnixNano: nanoseconds, name: text(1024), attributes });
const LINK = fields({ traceId: id(32), spanId: id(16), attributes });
const STATUS = fields({ code: oneOf(["UNSET", "OK", "ERROR"], "STATUS_CODE_"), message: text(LIMITS.text) });

const SPAN = fields({
  traceId: requiredId(32),
  spanId: requiredId(16),
  parentSpanId: id(16),
  flags: count,
  traceState: text(1024),
  name: text(1024),
  kind: oneOf(["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"], "SPAN_KIND_"),
  startTimeUnixNano: nanoseconds.refine((time) => time !== 0n, NANOSECONDS),
  endTimeUnixNano: nanoseconds,
  attributes,
  events: listOf(EVENT),
  links: listOf(LINK),
  status: STATUS.nullish(),
  droppedAttributesCount: count,
  droppedEventsCount: count,
  droppedLinksCount: count,
});

const REQUEST = fields({
  resourceSpans: listOf(
    fields({
      resource: fields({ attributes }).nullish(),
      scopeSpans: listOf(
        fields({
          scope: fields({ name: text(256), version: text(256) }).nullish(),
          // Each span is checked on its own, because one invalid span must not refuse the others.
          spans: listOf(z.unknown()),
        }),
      ),
    }),
  ),
});

/**
 * The spans of an ExportTraceServiceRequest in OTLP's JSON encoding (opentelemetry-proto, "JSON Protobuf Encoding": ids in hex, 64-bit integers as
 * strings, enums as numbers). Ids and bytes may also be byte arrays, as a reader of Protocol Buffers returns them. Unknown fields are ignored.
 *
 * @param request what `JSON.parse` made of the body.
 * @param onInvalidSpan is called for each invalid span, which is left out. By default its error is thrown.
 * @throws Error that names the first invalid field, its value, and what is expected.
 * @example decodeTraces(JSON.parse('{"resourceSpans":[]}')) // []
 */
export function decodeTraces(request: unknown, onInvalidSpan: (error: Error) => void = rethrow): Span[] {
  return parse(REQUEST, request, []).resourceSpans.flatMap(({ resource, scopeSpans }, index) => {
    const described: Attributes = resource?.attributes.attributes ?? {};
    const name = described["service.name"];
    const service = typeof name === "string" && name !== "" ? cut(name, 256) : "unknown_service";
    return scopeSpans.flatMap(({ scope, spans }, place) => {
      const origin = { service, resource: described, scope: scope ?? { name: "", version: "" } };
      return spans.flatMap((span, at) => {
        try {
          return toSpan(parse(SPAN, span, ["resourceSpans", index, "scopeSpans", place, "spans", at]), origin);
        } catch (error) {
          onInvalidSpan(error as Error);
          return [];
        }
      });
    });
  });
}

function rethrow(error: Error): never {
  throw error;
}

/** @throws Error that names the path, the value (shortened) and what is expected, from the first issue. */
function parse<Type>(schema: z.ZodType<Type>, value: unknown, at: readonly PropertyKey[]): Type {
  const { data, error } = schema.safeParse(value, { reportInput: true });
  if (error === undefined) return data;
  const { path, input, message } = error.issues[0] as z.core.$ZodIssue;
  const where = [...at, ...path].map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`)).join("");
  throw new Error(`${where.slice(1) || "the request"} is ${shown(input)}, but must be ${message}`);
}

/** Only a part of the value, which may be megabytes long or nested millions of levels deep. */
function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, 60));
  if (value instanceof Uint8Array) return JSON.stringify(Buffer.from(value.subarray(0, 30)).toString("hex"));
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "an array" : "an object";
  if (typeof value === "bigint") return String(value);
  return value === undefined ? "missing" : JSON.stringify(value);
}

const STATUSES = { UNSET: "unset", OK: "ok", ERROR: "error" } as const;
// opentelemetry-proto, SpanFlags: whether the exporter states that the parent is remote or not, and whether it is remote.
const HAS_IS_REMOTE = 0x100;
const IS_REMOTE = 0x200;

function toSpan(span: z.infer<typeof SPAN>, origin: Pick<Span, "service" | "resource" | "scope">): Span {
  const events = span.events.slice(0, LIMITS.events);
  const links = span.links.slice(0, LIMITS.links);
  const parts = [span, ...events, ...links];
  const cutOff = span.events.length - events.length + span.links.length - links.length;
  const dropped = parts.reduce((sum, part) => sum + part.attributes.dropped, cutOff);
  const sized = parts.reduce((sum, part) => sum + sizeOf(part.attributes.attributes), 100 * (events.length + links.length));
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId: span.parentSpanId || undefined,
    remoteParent: (span.flags & HAS_IS_REMOTE) === 0 ? undefined : (span.flags & IS_REMOTE) !== 0,
    traceState: span.traceState,
    name: span.name,
    kind: span.kind === "UNSPECIFIED" ? "INTERNAL" : span.kind,
    ...origin,
    start: span.startTimeUnixNano,
    // A span without an end time was exported before its end.
    end: span.endTimeUnixNano || undefined,
    status: STATUSES[span.status?.code ?? "UNSET"],
    statusMessage: span.status?.message ?? "",
    attributes: span.attributes.attributes,
    events: events.map(({ timeUnixNano, name, attributes: own }) => ({ time: timeUnixNano, name, attributes: own.attributes })),
    links: links.map(({ traceId, spanId, attributes: own }) => ({ traceId, spanId, attributes: own.attributes })),
    dropped: dropped + span.droppedAttributesCount + span.droppedEventsCount + span.droppedLinksCount,
    size: SPAN_BYTES + sized + 2 * (span.name.length + (span.status?.message.length ?? 0)),
  };
}

/** The approximate size of a value in bytes. */
function sizeOf(value: Value): number {
  if (typeof value === "string") return 24 + 2 * value.length;
  if (typeof value !== "object" || value === null) return 16;
  return Object.entries(value).reduce((sum, [key, member]) => sum + 32 + 2 * key.length + sizeOf(member), 32);
}
