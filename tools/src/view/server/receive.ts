import type { Context } from "hono";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { decodeTraces } from "../otlp/decode.ts";
import { readProtobuf, writeProtobuf } from "../otlp/protobuf.ts";
import type { Store } from "../store.ts";

/** The maximum size of a request's body in bytes, both compressed and decompressed. */
export const MAX_BODY: number = 16 * 1024 * 1024;
export const TOO_LARGE: string = `The request is larger than ${MAX_BODY / 1024 / 1024} MiB. Configure the exporter to send fewer spans at a time (OTEL_BSP_MAX_EXPORT_BATCH_SIZE).`;

/** Why a request is refused. The message is sent to the client. */
export class Refusal extends Error {
  readonly status: 400 | 413 | 415;
  constructor(status: 400 | 413 | 415, message: string) {
    super(message);
    this.status = status;
  }
}

type Encoding = "json" | "protobuf";

/** The encoding of an export; undefined if it is none of OTLP/HTTP. The answer has the same encoding. */
export function encodingOf(context: Context): Encoding | undefined {
  const type = typeOf(context);
  if (type === "application/x-protobuf" || type === "application/protobuf") return "protobuf";
  return type === "application/json" ? "json" : undefined;
}

function typeOf(context: Context): string | undefined {
  return context.req.header("content-type")?.split(";")[0]?.trim().toLowerCase();
}

/** Answers with a message of OTLP: `ExportTraceServiceResponse`, or `Status` for a refusal. */
export function answer(
  context: Context,
  name: "ExportTraceServiceResponse" | "Status",
  message: object,
  status: 200 | 400 | 403 | 404 | 405 | 413 | 415 | 500 | 503 = 200,
): Response {
  if (encodingOf(context) !== "protobuf") return context.json(message, status);
  return context.body(writeProtobuf(name, message), status, { "content-type": "application/x-protobuf" });
}

/**
 * Receives an export of traces.
 *
 * @param onInvalid is called with a message if some of its spans are invalid.
 * @throws Refusal if it cannot be read.
 */
export async function receiveTraces(context: Context, store: Store, onInvalid: (message: string) => void): Promise<Response> {
  const encoding = encodingOf(context);
  if (encoding === undefined) throw new Refusal(415, unsupported(typeOf(context)));
  const request = parseBody(await readBody(context), encoding);
  const errors: Error[] = [];
  const refused = attempt(() => store.add(decodeTraces(request, (error) => errors.push(error))), "");
  const messages: string[] = [];
  if (refused > 0) messages.push("Some traces have more spans than a2a-otel-cli view keeps (--max-spans).");
  if (errors[0] !== undefined) {
    messages.push(`${errors[0].message}.`);
    onInvalid(`An export contains invalid spans: ${errors[0].message}.`);
  }
  const partialSuccess = { rejectedSpans: String(refused + errors.length), errorMessage: messages.join(" ") };
  return answer(context, "ExportTraceServiceResponse", messages.length === 0 ? {} : { partialSuccess });
}

/** Browsers let pages of other sites send other content types without a preflight request, so only these are accepted. */
function unsupported(type: string | undefined): string {
  if (type?.startsWith("application/grpc") === true) {
    return "This receiver reads OTLP over HTTP, but the export is gRPC. Set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf (if you create the exporter in JavaScript, use @opentelemetry/exporter-trace-otlp-proto).";
  }
  return `The content type is ${type?.slice(0, 60) ?? "missing"}, but must be application/json or application/x-protobuf.`;
}

/** Reads the body of a request, plain or compressed with gzip. */
export async function readBody(context: Context): Promise<Uint8Array> {
  const encoding = context.req.header("content-encoding")?.trim().toLowerCase() ?? "identity";
  if (encoding !== "identity" && encoding !== "gzip") {
    const message = `The content encoding ${encoding.slice(0, 60)} is not supported. Set OTEL_EXPORTER_OTLP_COMPRESSION to gzip or none.`;
    throw new Refusal(415, message);
  }
  try {
    const body = new Uint8Array(await context.req.arrayBuffer());
    // A few bytes of gzip can decompress to gigabytes, so both sizes are limited.
    return encoding === "gzip" ? await promisify(gunzip)(body, { maxOutputLength: MAX_BODY }) : body;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") throw new Refusal(413, TOO_LARGE);
    throw new Refusal(400, `The body cannot be read: ${(error as Error).message}.`);
  }
}

function parseBody(body: Uint8Array, encoding: Encoding): unknown {
  return encoding === "json"
    ? attempt(() => JSON.parse(new TextDecoder().decode(body)) as unknown, "The body is not JSON: ")
    : attempt(() => readProtobuf(body), "The body is not an export in Protocol Buffers: ");
}

function attempt<Result>(work: () => Result, problem: string): Result {
  try {
    return work();
  } catch (error) {
    throw new Refusal(400, `${problem}${(error as Error).message.slice(0, 300)}.`);
  }
}
