import type { IncomingMessage, ServerResponse } from "node:http";
import { decodeTraces } from "../otlp/decode.ts";
import type { Store } from "../store.ts";
import { answer, answerJson, refuse } from "./answer.ts";
import type { Refusal } from "./answer.ts";
import { readBody } from "./body.ts";

const PROTOBUF: Refusal = {
  status: 415,
  message:
    "This receiver reads OTLP in JSON, but the export is protobuf. Set OTEL_EXPORTER_OTLP_PROTOCOL=http/json " +
    "(if you create the exporter in JavaScript, use @opentelemetry/exporter-trace-otlp-http).",
};

/** Receives an export of traces. `onRefusal` is called for each refused export, because few people read their exporter's log. */
export async function receiveTraces(
  request: IncomingMessage,
  response: ServerResponse,
  store: Store,
  onRefusal: (refusal: Refusal) => void,
): Promise<void> {
  const type = request.headers["content-type"]?.split(";")[0]?.trim().toLowerCase();
  const outcome = isProtobuf(type) ? PROTOBUF : type === "application/json" ? await storeTraces(request, store) : notJson(type);
  if ("status" in outcome) {
    onRefusal(outcome);
    // The rest of the body is not read.
    refuse(response, outcome, { connection: "close" });
    return;
  }
  const { refused, invalid } = outcome;
  const [firstInvalid] = invalid;
  const messages: string[] = [];
  if (refused > 0) messages.push("Some traces have more spans than a2a-otel-cli view keeps (--max-spans).");
  if (firstInvalid !== undefined) {
    messages.push(`${firstInvalid.message}.`);
    onRefusal({ status: 400, message: `An export contains invalid spans: ${firstInvalid.message}.` });
  }
  const rejectedSpans = String(refused + invalid.length);
  const partialSuccess = messages.length === 0 ? undefined : { rejectedSpans, errorMessage: messages.join(" ") };
  answerJson(response, JSON.stringify({ partialSuccess }));
}

function isProtobuf(type: string | undefined): boolean {
  return type === "application/x-protobuf" || type === "application/protobuf" || type?.startsWith("application/grpc") === true;
}

/** Browsers let pages of other sites send other content types without a preflight request, so only application/json is accepted. */
function notJson(type: string | undefined): Refusal {
  return { status: 415, message: `The content type is ${type?.slice(0, 60) ?? "missing"}, but must be application/json.` };
}

interface Outcome {
  /** The number of spans that were refused because of the store's limits. */
  readonly refused: number;
  /** The errors of the spans that could not be decoded. */
  readonly invalid: readonly Error[];
}

async function storeTraces(request: IncomingMessage, store: Store): Promise<Refusal | Outcome> {
  const body = await readBody(request);
  if ("status" in body) return body;
  let json: unknown;
  try {
    json = JSON.parse(body.toString("utf8"));
  } catch (error) {
    return { status: 400, message: `The body is not JSON: ${(error as Error).message.slice(0, 200)}.` };
  }
  try {
    const invalid: Error[] = [];
    const spans = decodeTraces(json, (error) => invalid.push(error));
    return { refused: store.add(spans), invalid };
  } catch (error) {
    return { status: 400, message: `${(error as Error).message}.` };
  }
}

/**
 * Accepts metrics or logs in any encoding and discards them, so that an SDK that sends all signals to one endpoint logs no errors. In protobuf,
 * the answer is an empty body.
 */
export async function dropSignal(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await readBody(request);
  if ("status" in body) refuse(response, body, { connection: "close" });
  else if (isProtobuf(request.headers["content-type"])) answer(response, 200, "application/x-protobuf", "");
  else answerJson(response, "{}");
}
