import type { IncomingMessage } from "node:http";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import type { Refusal } from "./answer.ts";

/** The maximum size of a request's body in bytes, both compressed and decompressed. */
export const MAX_BODY: number = 16 * 1024 * 1024;

const TOO_LARGE: Refusal = {
  status: 413,
  message: `The request is larger than ${MAX_BODY / 1024 / 1024} MiB. Configure the exporter to send fewer spans at a time (OTEL_BSP_MAX_EXPORT_BATCH_SIZE).`,
};

/** Reads the body of a request, plain or compressed with gzip, up to a maximum size. */
export async function readBody(request: IncomingMessage, max: number = MAX_BODY): Promise<Buffer | Refusal> {
  const encoding = request.headers["content-encoding"]?.trim().toLowerCase() ?? "identity";
  if (encoding !== "identity" && encoding !== "gzip") {
    return {
      status: 415,
      message: `The content encoding ${encoding.slice(0, 60)} is not supported. Set OTEL_EXPORTER_OTLP_COMPRESSION to gzip or none.`,
    };
  }
  if (Number(request.headers["content-length"] ?? 0) > max) return TOO_LARGE;
  let isTooLarge = false;
  const limited = async function* (source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    let size = 0;
    for await (const chunk of source) {
      size += chunk.length;
      if (size > max) {
        isTooLarge = true;
        throw new Error("too large");
      }
      yield chunk;
    }
  };
  const chunks: Buffer[] = [];
  const collect = async (source: AsyncIterable<Buffer>): Promise<void> => {
    for await (const chunk of source) chunks.push(chunk);
  };
  try {
    // A few bytes of gzip can decompress to gigabytes, so both sizes are limited.
    if (encoding === "gzip") await pipeline(request, limited, createGunzip(), limited, collect);
    else await pipeline(request, limited, collect);
  } catch (error) {
    if (isTooLarge) return TOO_LARGE;
    return { status: 400, message: `The body cannot be read: ${(error as Error).message}.` };
  }
  return Buffer.concat(chunks);
}
