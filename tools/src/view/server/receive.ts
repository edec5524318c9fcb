import type { IncomingMessage, ServerResponse } from "node:http";
import { decodeTraces } from "../otlp/decode.ts";
import type { Store } from "../store.ts";
import { answer, answerJson, refuse } from "./answer.ts";
import type { Refusal } from "./answer.ts";
import { readBody } from "./body.ts";

const PROTOBUF: Refusal = {
  status: 415,
  message:
    "This receiver reads OTLP in JSON, and the export came as protobuf. Set OTEL_EXPORTER_OTLP_PROTOCOL=http/json " +
    "(for JavaScript with an exporter of your own: @opentelemetry/exporter-trace-otlp-http).",
};

/** Takes an export of traces. `onRefusal` hears of each that is refused: an exporter's log is rarely looked at. */
export async function receiveTraces(
  request: IncomingMessage,
  response: ServerResponse,
  store: Store,
  onRefusal: (refusal: Refusal) => void,
): Promise<void> {
  const type = request.headers["content-type"]?.split(";")[0]?.trim().toLowerCase();
  const outcome = isProtobuf(type) ? PROTOBUF : type === "application/json" ? await take(request, store) : notJson(type);
  if ("status" in outcome) {
    onRefusal(outcome);
    // What is still to come of the body is not read.
    refuse(response, outcome, { connection: "close" });
    return;
  }
  const { refused } = outcome;
  if (refused === 0) {
    answerJson(response, "{}");
    return;
  }
  const errorMessage = "Some traces have as many spans as a2a-otel view keeps (--max-spans).";
  answerJson(response, JSON.stringify({ partialSuccess: { rejectedSpans: String(refused), errorMessage } }));
}

function isProtobuf(type: string | undefined): boolean {
  return type === "application/x-protobuf" || type === "application/protobuf" || type?.startsWith("application/grpc") === true;
}

/** A page of another site can send other types without being asked; so that none can send spans, it must be this one. */
function notJson(type: string | undefined): Refusal {
  return { status: 415, message: `The content type is ${type?.slice(0, 60) ?? "missing"}, and should be application/json.` };
}

async function take(request: IncomingMessage, store: Store): Promise<Refusal | { refused: number }> {
  const body = await readBody(request);
  if ("status" in body) return body;
  let json: unknown;
  try {
    json = JSON.parse(body.toString("utf8"));
  } catch (error) {
    return { status: 400, message: `The body is not JSON: ${(error as Error).message.slice(0, 200)}.` };
  }
  try {
    return { refused: store.add(decodeTraces(json)) };
  } catch (error) {
    return { status: 400, message: `${(error as Error).message}.` };
  }
}

/**
 * Takes metrics or logs in any encoding, and forgets them: an SDK that sends all three to one address shall not log errors. An empty body is the
 * whole answer in protobuf.
 */
export async function dropSignal(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await readBody(request);
  if ("status" in body) refuse(response, body, { connection: "close" });
  else if (isProtobuf(request.headers["content-type"])) answer(response, 200, "application/x-protobuf", "");
  else answerJson(response, "{}");
}
