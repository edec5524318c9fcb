import { Agent } from "node:http";
import type { Readable } from "node:stream";
import got from "got";
import type { Got, OptionsInit } from "got";
import { TLS } from "./tls.ts";
import type { Sent, Received, Usage, ClientUsages } from "./usage.ts";

type Read = (stream: Readable) => Promise<unknown>;

/** The usages of got: promises and streams. */
export async function gotUsages(isTraced: boolean): Promise<ClientUsages> {
  const agent = new Agent({ keepAlive: true });
  const wrap = isTraced ? (await import("../../../src/got.ts")).wrapGot : <Instance extends Got>(instance: Instance) => instance;
  const client = wrap(got.extend({ agent: { http: agent }, retry: { limit: 0 } }));
  const calculateDelay = ({ computedValue }: { computedValue: number }): number => (computedValue > 0 ? 1 : 0);
  const retrying = wrap(got.extend({ agent: { http: agent }, retry: { limit: 2, calculateDelay } }));
  const authorising = wrap(got.extend({ agent: { http: agent }, retry: { limit: 0 }, hooks: { afterResponse: [authorise] } }));
  const { ciphers, maxVersion, rejectUnauthorized } = TLS;
  const http2: OptionsInit = { http2: true, https: { ciphers, maxVersion, rejectUnauthorized } };
  const all = { throwHttpErrors: false };
  const promises = (name: string, options: OptionsInit, instance = client, more: Partial<Usage> = {}): Usage => ({
    name,
    call: (sent) => promise(instance, sent, options),
    ...more,
  });
  const streams = (name: string, options: OptionsInit, read: Read, instance = client, more: Partial<Usage> = {}): Usage => ({
    name,
    call: (sent) => stream(instance, sent, options, read),
    ...more,
  });

  return {
    usages: [
      promises("text", {}),
      promises("any status", all),
      promises("json", { responseType: "json" }),
      promises("bytes", { ...all, responseType: "buffer" }),
      promises("no redirects", { ...all, followRedirect: false }),
      promises("no decompression", { ...all, decompress: false }),
      promises("retry", {}, retrying, { streamsUp: false }),
      promises("retry, any status", all, retrying, { streamsUp: false }),
      promises("authorising", {}, authorising, { streamsUp: false }),
      promises("timeout of all", { timeout: { request: 2500 } }, client, { timesOut: true }),
      promises("timeouts of parts", { timeout: { response: 2500, read: 2500, secureConnect: 2500 } }, retrying, {
        timesOut: true,
        streamsUp: false,
      }),
      promises("hooks", { hooks: { beforeError: [(error) => error], afterResponse: [(response) => response] } }),
      streams("stream", {}, loop),
      streams("stream of any status", all, loop),
      streams("stream that is left", all, leave, client, { leaves: "in the body" }),
      streams("stream that is destroyed", all, destroy, client, { leaves: "at the head" }),
      streams("stream that is never read", all, neverRead, client, { leaves: "at the head", abandons: true }),
      streams("stream that retries", {}, loop, retrying, { streamsUp: false }),
      streams("stream, timeout", { timeout: { request: 2500 } }, loop, client, { timesOut: true }),
      promises("HTTP/2", { ...all, ...http2 }, client, { http2: true }),
      promises("HTTP/2, retry", http2, retrying, { http2: true, streamsUp: false }),
      streams("HTTP/2, stream", { ...all, ...http2 }, loop, client, { http2: true }),
    ],
    // Observed without the library.
    hangs: [
      [/./, /^101 /],
      [/^HTTP\/2/, /^h2 connection cut in the body$/],
      [/^stream/, /^stalls in a redirect's body$/],
    ],
    close: () => agent.destroy(),
  };
}

function optionsOf({ method, headers, body, signal }: Sent, options: OptionsInit): OptionsInit {
  const own = { ...options, method, headers, ...(signal && { signal }), body: typeof body === "function" ? body() : body };
  return own;
}

interface Answer {
  statusCode: number;
  headers: Record<string, unknown>;
  body: unknown;
  url: string;
  redirectUrls: URL[];
  retryCount: number;
  ok: boolean;
}

async function promise(instance: Got, sent: Sent, options: OptionsInit): Promise<Received> {
  const { statusCode, headers, body, url, redirectUrls, retryCount, ok } = (await instance(
    sent.url,
    optionsOf(sent, options) as never,
  )) as unknown as Answer;
  return { status: statusCode, headers, body, more: { url, redirectUrls: redirectUrls.map(String), retryCount, ok } };
}

const NOTED = ["request", "redirect", "response", "end", "error", "close"];

type Started = Readable & { response?: Answer };

async function stream(instance: Got, sent: Sent, options: OptionsInit, read: Read): Promise<Received> {
  const upload = sent.method !== "GET" && sent.method !== "HEAD" && sent.body === undefined ? { ...sent, body: "" } : sent;
  const { response, body } = await follow(instance.stream(sent.url, optionsOf(upload, options) as never) as never, sent, read);
  return { status: response?.statusCode ?? 0, ...(response && { headers: response.headers }), body };
}

/** Reads a stream, or the one that replaces it when got retries. */
async function follow(started: Started, sent: Sent, read: Read): Promise<{ response: Answer | undefined; body: unknown }> {
  for (const name of NOTED) started.on(name, () => sent.note(name));
  let again: Started | undefined;
  started.on("retry", (count: number, _error: unknown, create: () => Started) => {
    sent.note(`retry ${count}`);
    again = create();
  });
  try {
    return { body: await read(started), response: started.response };
  } catch (error) {
    if (again === undefined) throw error;
    return follow(again, sent, read);
  }
}

const loop: Read = async (from) => Buffer.concat((await from.toArray()) as Buffer[]);

const leave: Read = async (from) => {
  for await (const _ of from) return "left";
  return "empty";
};

const destroy: Read = (from) =>
  new Promise((resolve, reject) => {
    from.on("error", reject);
    from.on("close", () => resolve("closed"));
    from.once("response", () => from.destroy());
  });

const neverRead: Read = (from) =>
  new Promise((resolve, reject) => {
    from.on("error", reject);
    from.once("response", () => resolve("never read"));
  });

function authorise(
  response: { statusCode: number; request: { options: { headers: Record<string, unknown> } } },
  retryWith: (options: OptionsInit) => never,
): never {
  if (response.statusCode !== 401 || response.request.options.headers["authorization"] !== undefined) return response as never;
  return retryWith({ headers: { authorization: "Bearer token" } });
}
