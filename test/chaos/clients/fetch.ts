import type { Dispatcher } from "undici";
import type { Sent, Received, Usage, ClientUsages } from "./usage.ts";

export type Fetch = typeof globalThis.fetch;
type Read = (response: Response, sent: Sent) => Promise<unknown>;

/** The usages of Node's fetch. The undici package must not be loaded, because it would install its own dispatcher. */
export async function fetchUsages(isTraced: boolean): Promise<ClientUsages> {
  const wrap = isTraced ? (await import("../../../src/fetch.ts")).wrapFetch : (fetch: Fetch) => fetch;
  const fetch = wrap(globalThis.fetch);
  const usage = (name: string, read: Read, more: Partial<Usage> & { init?: RequestInit } = {}): Usage => {
    const { init, ...rest } = more;
    return { name, call: (sent) => ask(fetch, sent, read, init), ...rest };
  };
  return {
    usages: [
      usage("text", (response) => response.text()),
      usage("json", (response) => response.json()),
      usage("bytes", async (response) => Buffer.from(await response.arrayBuffer())),
      usage("reader", reader),
      usage("loop", loop),
      usage("loop that is left", leave, { leaves: "in the body" }),
      usage("cancel", async (response) => response.body?.cancel(), { leaves: "at the head" }),
      usage("never read", async () => "never read", { leaves: "at the head", abandons: true }),
      usage("clone", async (response) => {
        const copy = response.clone();
        return (await Promise.all([response.text(), copy.text()])).join();
      }),
      usage("pipeThrough", decoded),
      usage("no redirects", (response) => response.text(), { init: { redirect: "manual" } }),
      usage("no redirects allowed", (response) => response.text(), { init: { redirect: "error" } }),
      { name: "Request", call: (sent) => askByRequest(fetch, sent) },
      { name: "authorising", streamsUp: false, call: (sent) => authorising(fetch, sent) },
    ],
    close: () => (globalThis as unknown as Record<symbol, Dispatcher | undefined>)[DISPATCHER]?.destroy(),
  };
}

const DISPATCHER = Symbol.for("undici.globalDispatcher.1");

export async function ask(fetch: Fetch, sent: Sent, read: Read, more: RequestInit = {}): Promise<Received> {
  const { url, method, headers, body, signal } = sent;
  const init: RequestInit & { duplex: "half" } = { method, headers, duplex: "half", ...more };
  if (signal !== undefined) init.signal = signal;
  if (body !== undefined) init.body = (typeof body === "function" ? body() : body) as BodyInit;
  const response = await fetch(url, init);
  sent.note(`answered ${response.status}`);
  const { status, redirected, type, headers: answered } = response;
  return { status, headers: answered, body: await read(response, sent), more: { redirected, type, url: response.url } };
}

/** The `Request` is retained: Node's follows the caller's signal only while it is referenced. */
async function askByRequest(fetch: Fetch, sent: Sent): Promise<Received> {
  let request: Request | undefined;
  const received = await ask(
    (input, init) => fetch((request = new Request(input, init))),
    sent,
    (response) => response.text(),
  );
  return request === undefined ? received : { ...received };
}

/** An application that obtains a token after a 401. */
async function authorising(fetch: Fetch, sent: Sent): Promise<Received> {
  const first = await ask(fetch, sent, (response) => response.text());
  if (first.status !== 401) return first;
  return ask(fetch, { ...sent, headers: { ...sent.headers, authorization: "Bearer token" } }, (response) => response.text());
}

async function reader({ body }: Response): Promise<unknown> {
  if (body === null) return null;
  const from = body.getReader();
  const chunks: Uint8Array[] = [];
  for (let read = await from.read(); !read.done; read = await from.read()) chunks.push(read.value);
  from.releaseLock();
  return Buffer.concat(chunks);
}

async function loop({ body }: Response): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body ?? []) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function leave({ body }: Response): Promise<unknown> {
  for await (const _ of body ?? []) return "left";
  return "empty";
}

async function decoded({ body }: Response): Promise<unknown> {
  let text = "";
  for await (const part of body?.pipeThrough(new TextDecoderStream()) ?? []) text += part;
  return text;
}
