import { subscribe } from "node:diagnostics_channel";
import type { Socket } from "node:net";
import type { Readable } from "node:stream";
import { context, propagation, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { CompositePropagator, W3CBaggagePropagator, W3CTraceContextPropagator } from "@opentelemetry/core";
import { BatchSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import axios from "axios";
import got from "got";
import { Agent } from "undici";
import { instrumentAxios } from "a2a-otel/axios";
import { instrumentFetch } from "a2a-otel/fetch";
import { wrapGot } from "a2a-otel/got";
import { traceInterceptor } from "a2a-otel/undici";

// Shared by the programs of these tests: an SDK that exports in batches, like that of a service, and the four clients.

/** Reports something to the test, synchronously, so that nothing is lost if the process dies. */
export function report(what: string, details: unknown = null): void {
  process.stdout.write(`${JSON.stringify([what, details])}\n`);
}

/** A span as it is reported: its path and its outcome. */
function describeSpan({ kind, attributes, status }: ReadableSpan): object {
  const path = String(attributes["url.full"] ?? attributes["url.path"]).replace(/^http:\/\/[^/]*/, "");
  const { "http.response.status_code": answer = null, "error.type": error = null } = attributes;
  return { kind, path, answer, error, status: status.code };
}

export function startSdk(): TracerProvider {
  const exporter = {
    export: (spans: ReadableSpan[], done: (result: { code: number }) => void) => {
      for (const span of spans) report("span", describeSpan(span));
      done({ code: 0 });
    },
    forceFlush: async () => {},
    shutdown: async () => {},
  };
  const provider = new TracerProvider({ spanProcessors: [new BatchSpanProcessor({ exporter, scheduledDelayMillis: 60_000 })] });
  trace.setGlobalTracerProvider(provider);
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(
    new CompositePropagator({ propagators: [new W3CTraceContextPropagator(), new W3CBaggagePropagator()] }),
  );
  return provider;
}

/** A client: the status of a response that is read to its end, or the chunks of one that is read as it comes. */
export interface Client {
  whole(url: string, signal?: AbortSignal): Promise<number>;
  stream(url: string, signal?: AbortSignal): Promise<AsyncIterable<unknown>>;
}

export function makeClients(isTraced: boolean): Record<string, Client> {
  if (isTraced) instrumentFetch();
  const agent = isTraced ? new Agent().compose(traceInterceptor()) : new Agent();
  const instance = axios.create({ adapter: "http" });
  if (isTraced) instrumentAxios(instance);
  const client = isTraced ? wrapGot(got) : got;
  const dispatched = (url: string, signal?: AbortSignal) => {
    const { origin, pathname, search } = new URL(url);
    return agent.request({ origin, path: pathname + search, method: "GET", ...(signal && { signal }) });
  };
  return {
    fetch: {
      whole: async (url, signal) => {
        const response = await fetch(url, { ...(signal && { signal }) });
        await response.text();
        return response.status;
      },
      stream: async (url, signal) => (await fetch(url, { ...(signal && { signal }) })).body!,
    },
    undici: {
      whole: async (url, signal) => {
        const { statusCode, body } = await dispatched(url, signal);
        await body.text();
        return statusCode;
      },
      stream: async (url, signal) => (await dispatched(url, signal)).body,
    },
    axios: {
      whole: async (url, signal) => (await instance.get(url, { ...(signal && { signal }) })).status,
      stream: async (url, signal) =>
        (await instance.get<Readable>(url, { responseType: "stream", ...(signal && { signal }) })).data,
    },
    got: {
      whole: async (url, signal) => (await client(url, { retry: { limit: 0 }, ...(signal && { signal }) })).statusCode,
      stream: async (url, signal) => client.stream(url, { retry: { limit: 0 }, ...(signal && { signal }) }),
    },
  };
}

/** Has no connection keep the process: only what else there is can. */
export function letGoOfConnections(): void {
  subscribe("net.client.socket", (message) => (message as { socket: Socket }).socket.unref());
}

/** Reads a stream until something comes, and goes on reading it in the background, without an end and without an error that anybody handles twice. */
export async function reading(stream: AsyncIterable<unknown>): Promise<{ over: Promise<string> }> {
  const iterator = stream[Symbol.asyncIterator]();
  await iterator.next();
  const rest = async (): Promise<string> => {
    try {
      while ((await iterator.next()).done !== true);
      return "ended";
    } catch (error) {
      return (error as Error).name;
    }
  };
  return { over: rest() };
}
