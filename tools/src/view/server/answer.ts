import type { ServerResponse } from "node:http";

/** Why a request is refused. The message is sent to the client. */
export interface Refusal {
  readonly status: number;
  readonly message: string;
}

const HEADERS = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  // Pages of other sites must not embed or open these resources.
  "cross-origin-resource-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  "x-frame-options": "DENY",
} as const;

export function answer(
  response: ServerResponse,
  status: number,
  type: string,
  body: string,
  more: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { ...HEADERS, ...more, "content-type": type, "content-length": Buffer.byteLength(body) });
  response.end(response.req.method === "HEAD" ? undefined : body);
}

export function answerJson(response: ServerResponse, body: string, more?: Readonly<Record<string, string>>): void {
  answer(response, 200, "application/json", body, more);
}

/** Sends a refusal as a `google.rpc.Status`, as OTLP/HTTP requires. */
export function refuse(response: ServerResponse, { status, message }: Refusal, more?: Readonly<Record<string, string>>): void {
  answer(response, status, "application/json", JSON.stringify({ message }), more);
}
