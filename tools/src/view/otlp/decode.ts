import { LIMITS, cut, decodeAttributes } from "./attributes.ts";
import { count, id, invalid, list, nanoseconds, object, oneOf, text } from "./fields.ts";
import type { Fields, Path } from "./fields.ts";
import type { Attributes, Span, SpanEvent, SpanKind, SpanLink } from "../span.ts";

const KINDS: readonly (SpanKind | "UNSPECIFIED")[] = ["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"];
const STATUS_CODES = ["UNSET", "OK", "ERROR"] as const;
// opentelemetry-proto, SpanFlags: whether the exporter states that the parent is remote or not, and whether it is remote.
const HAS_IS_REMOTE = 0x100;
const IS_REMOTE = 0x200;
/** The approximate size of a span in memory without its texts. */
const SPAN_BYTES = 400;

/**
 * The spans of an ExportTraceServiceRequest in OTLP's JSON encoding (opentelemetry-proto, "JSON Protobuf Encoding": ids in hex, 64-bit integers as
 * strings, enums as numbers). Unknown fields are ignored.
 *
 * @param request what `JSON.parse` made of the body.
 * @param onInvalidSpan is called for each invalid span, which is left out. By default its error is thrown.
 * @throws Error that names the first invalid field, its value, and what is expected.
 * @example decodeTraces(JSON.parse('{"resourceSpans":[]}')) // []
 */
export function decodeTraces(request: unknown, onInvalidSpan: (error: Error) => void = rethrow): Span[] {
  const { resourceSpans } = object(request, "the request");
  return list(resourceSpans, "resourceSpans").flatMap((value, index) =>
    decodeResource(value, `resourceSpans[${index}]`, onInvalidSpan),
  );
}

function rethrow(error: Error): never {
  throw error;
}

function decodeResource(value: unknown, path: Path, onInvalidSpan: (error: Error) => void): Span[] {
  const { resource, scopeSpans } = object(value, path);
  const given = resource === undefined || resource === null ? {} : object(resource, `${path}.resource`);
  const { attributes } = decodeAttributes(given["attributes"], `${path}.resource.attributes`);
  const name = attributes["service.name"];
  const service = typeof name === "string" && name !== "" ? cut(name, 256) : "unknown_service";
  return list(scopeSpans, `${path}.scopeSpans`).flatMap((scoped, index) => {
    const at = `${path}.scopeSpans[${index}]`;
    const { scope, spans } = object(scoped, at);
    const from: Origin = { service, resource: attributes, scope: decodeScope(scope, `${at}.scope`) };
    return list(spans, `${at}.spans`).flatMap((span, place) => {
      try {
        return [decodeSpan(object(span, `${at}.spans[${place}]`), from, `${at}.spans[${place}]`)];
      } catch (error) {
        onInvalidSpan(error as Error);
        return [];
      }
    });
  });
}

interface Origin {
  readonly service: string;
  readonly resource: Attributes;
  readonly scope: Span["scope"];
}

function decodeScope(value: unknown, path: Path): Span["scope"] {
  if (value === undefined || value === null) return { name: "", version: "" };
  const { name, version } = object(value, path);
  return { name: cut(text(name, `${path}.name`), 256), version: cut(text(version, `${path}.version`), 256) };
}

function decodeSpan(span: Fields, origin: Origin, path: Path): Span {
  const { attributes, dropped, size } = decodeAttributes(span["attributes"], `${path}.attributes`);
  const events = decodeSome(span["events"], `${path}.events`, LIMITS.events, decodeEvent);
  const links = decodeSome(span["links"], `${path}.links`, LIMITS.links, decodeLink);
  const { start, end } = times(span, path);
  const flags = typeof span["flags"] === "number" ? span["flags"] : 0;
  const kind = oneOf(span["kind"], KINDS, "SPAN_KIND_", `${path}.kind`);
  const parentSpanId = id(span["parentSpanId"], 16, `${path}.parentSpanId`);
  const name = cut(text(span["name"], `${path}.name`), 1024);
  const status = decodeStatus(span["status"], `${path}.status`);
  const counted = count(span["droppedAttributesCount"]) + count(span["droppedEventsCount"]) + count(span["droppedLinksCount"]);
  return {
    traceId: present(id(span["traceId"], 32, `${path}.traceId`), span["traceId"], 32, `${path}.traceId`),
    spanId: present(id(span["spanId"], 16, `${path}.spanId`), span["spanId"], 16, `${path}.spanId`),
    parentSpanId: parentSpanId === "" ? undefined : parentSpanId,
    remoteParent: (flags & HAS_IS_REMOTE) === 0 ? undefined : (flags & IS_REMOTE) !== 0,
    traceState: cut(text(span["traceState"], `${path}.traceState`), 1024),
    name,
    kind: kind === "UNSPECIFIED" ? "INTERNAL" : kind,
    ...origin,
    start,
    end,
    ...status,
    attributes,
    events: events.decoded,
    links: links.decoded,
    dropped: dropped + events.dropped + links.dropped + counted,
    size: SPAN_BYTES + size + events.size + links.size + 2 * (name.length + status.statusMessage.length),
  };
}

/** A span without an end time was exported before its end. */
function times(span: Fields, path: Path): { start: bigint; end: bigint | undefined } {
  const start = nanoseconds(span["startTimeUnixNano"], `${path}.startTimeUnixNano`);
  if (start === 0n)
    throw invalid(`${path}.startTimeUnixNano`, span["startTimeUnixNano"], "nanoseconds since 1970 as a string of digits");
  const end = nanoseconds(span["endTimeUnixNano"], `${path}.endTimeUnixNano`);
  return { start, end: end === 0n ? undefined : end };
}

function present(given: string, value: unknown, length: 16 | 32, path: Path): string {
  if (given === "") throw invalid(path, value, `${length} hex digits, not all of them zero`);
  return given;
}

function decodeStatus(value: unknown, path: Path): { status: Span["status"]; statusMessage: string } {
  if (value === undefined || value === null) return { status: "unset", statusMessage: "" };
  const { code, message } = object(value, path);
  const name = oneOf(code, STATUS_CODES, "STATUS_CODE_", `${path}.code`);
  const status = ({ UNSET: "unset", OK: "ok", ERROR: "error" } as const)[name];
  return { status, statusMessage: cut(text(message, `${path}.message`)) };
}

interface Sized<Part> {
  readonly part: Part;
  readonly size: number;
  readonly dropped: number;
}

function decodeEvent(event: Fields, path: Path): Sized<SpanEvent> {
  const { attributes, size, dropped } = decodeAttributes(event["attributes"], `${path}.attributes`);
  const name = cut(text(event["name"], `${path}.name`), 1024);
  return { part: { time: nanoseconds(event["timeUnixNano"], `${path}.timeUnixNano`), name, attributes }, size, dropped };
}

function decodeLink(link: Fields, path: Path): Sized<SpanLink> {
  const { attributes, size, dropped } = decodeAttributes(link["attributes"], `${path}.attributes`);
  const traceId = id(link["traceId"], 32, `${path}.traceId`);
  return { part: { traceId, spanId: id(link["spanId"], 16, `${path}.spanId`), attributes }, size, dropped };
}

function decodeSome<Part>(
  value: unknown,
  path: Path,
  limit: number,
  decode: (fields: Fields, path: Path) => Sized<Part>,
): { decoded: Part[]; dropped: number; size: number } {
  const given = list(value, path);
  const parts = given.slice(0, limit).map((part, index) => decode(object(part, `${path}[${index}]`), `${path}[${index}]`));
  return {
    decoded: parts.map(({ part }) => part),
    dropped: parts.reduce((sum, part) => sum + part.dropped, given.length - parts.length),
    size: parts.reduce((sum, part) => sum + part.size + 100, 0),
  };
}
