import { SpanStatusCode } from "@opentelemetry/api";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";

/** How a span ended. */
export interface Ending {
  status: unknown;
  code: SpanStatusCode;
  type: unknown;
  exceptions: number;
}

export function ending(own: ReadableSpan | undefined): Ending {
  return {
    status: own?.attributes["http.response.status_code"],
    code: own?.status.code ?? SpanStatusCode.OK,
    type: own?.attributes["error.type"],
    exceptions: own?.events.length ?? -1,
  };
}

export const GOOD: Ending = { status: 200, code: SpanStatusCode.UNSET, type: undefined, exceptions: 0 };
export const CANCELLED: Ending = { status: undefined, code: SpanStatusCode.UNSET, type: undefined, exceptions: 0 };
export const failed = (type: string, status?: number): Ending => ({ status, code: SpanStatusCode.ERROR, type, exceptions: 1 });

export function lasted(own: ReadableSpan | undefined): number {
  const [seconds, nanoseconds] = own?.duration ?? [0, 0];
  return seconds * 1000 + nanoseconds / 1e6;
}
