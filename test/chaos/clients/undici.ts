import { Agent, interceptors, fetch as undiciFetch } from "undici";
import type { Dispatcher } from "undici";
import { PassThrough, Writable } from "node:stream";
import { ask } from "./fetch.ts";
import type { Fetch } from "./fetch.ts";
import { TLS } from "./tls.ts";
import type { Sent, Received, Usage, ClientUsages } from "./usage.ts";

type Answer = Dispatcher.ResponseData;
type Interceptor = Dispatcher.DispatcherComposeInterceptor;

const retry = (): Interceptor => interceptors.retry({ minTimeout: 1, maxTimeout: 3, maxRetries: 2 });
const redirect = (): Interceptor => interceptors.redirect({ maxRedirections: 4 });

/** The usages of the undici package: its dispatchers, with its interceptors inside and outside of the library's, and its fetch. */
export async function undiciUsages(isTraced: boolean): Promise<ClientUsages> {
  const ours = isTraced ? [(await import("../../../src/undici.ts")).traceInterceptor()] : [];
  const fetch = (isTraced ? (await import("../../../src/fetch.ts")).wrapFetch : (same: Fetch) => same)(undiciFetch as never);
  const agents: Dispatcher[] = [];
  const agent = (...[inside, outside]: [inside?: Interceptor[], outside?: Interceptor[]]): Dispatcher => {
    const made = new Agent();
    agents.push(made);
    return made.compose(...(inside ?? []), ...ours, ...(outside ?? []));
  };
  const plain = agent();
  const requests = (name: string, read: (answer: Answer) => Promise<unknown>, more: Partial<Usage> = {}): Usage => ({
    name,
    call: (sent) => request(plain, sent, read),
    ...more,
  });
  const composed = (name: string, inside: Interceptor[], outside: Interceptor[]): Usage => {
    const dispatcher = agent(inside, outside);
    return {
      name,
      ...(inside.length > 0 && { seesAttempts: false }),
      call: (sent) => request(dispatcher, sent, (answer) => answer.body.text()),
    };
  };
  const impatient = new Agent({ headersTimeout: 2500, bodyTimeout: 2500, connect: { timeout: 2500 } });
  agents.push(impatient);
  const impatiently = impatient.compose(...ours);

  return {
    usages: [
      requests("text", ({ body }) => body.text()),
      requests("json", ({ body }) => body.json()),
      requests("loop", ({ body }) => body.toArray().then((chunks) => Buffer.concat(chunks as Buffer[]))),
      requests("loop that is left", leave, { leaves: "in the body" }),
      requests("never read", async () => "never read", { leaves: "at the head", abandons: true }),
      requests("destroy", async ({ body }) => void body.on("error", () => {}).destroy(), { leaves: "at the head" }),
      requests("destroy with an error", destroyed, { leaves: "at the head" }),
      requests("dump", ({ body }) => body.dump({ limit: 1024 }).then(() => "dumped"), { hidesFailures: true }),
      { name: "stream", call: (sent) => stream(plain, sent) },
      { name: "pipeline", methods: ["POST", "PUT"], call: (sent) => pipeline(plain, sent) },
      { name: "dispatch", call: (sent) => dispatch(plain, sent) },
      { name: "dispatch that aborts", leaves: "at the head", call: (sent) => dispatch(plain, sent, true) },
      composed("retry outside", [], [retry()]),
      composed("retry inside", [retry()], []),
      composed("redirect outside", [], [redirect()]),
      composed("redirect inside", [redirect()], []),
      composed("retry and redirect outside", [], [retry(), redirect()]),
      composed("redirect and retry outside", [], [redirect(), retry()]),
      composed("between redirect and retry", [redirect()], [retry()]),
      composed("error statuses", [], [interceptors.responseError()]),
      { name: "timeouts", timesOut: true, call: (sent) => request(impatiently, sent, ({ body }) => body.text()) },
      { name: "fetch", call: (sent) => ask(fetch, sent, (response) => response.text()) },
      {
        name: "fetch by an agent",
        call: (sent) => ask(fetch, sent, (response) => response.text(), { dispatcher: plain } as never),
      },
      { name: "HTTP/2", http2: true, call: (sent) => overHttp2(ours, (made) => request(made, sent, ({ body }) => body.text())) },
      {
        name: "HTTP/2, retry",
        http2: true,
        call: (sent) => overHttp2([...ours, retry()], (made) => request(made, sent, ({ body }) => body.text())),
      },
      { name: "HTTP/2, dispatch", http2: true, call: (sent) => overHttp2(ours, (made) => dispatch(made, sent)) },
      {
        name: "HTTP/2, fetch",
        http2: true,
        call: (sent) => overHttp2([], (dispatcher) => ask(fetch, sent, (response) => response.text(), { dispatcher } as never)),
      },
    ],
    // Its timeouts limit inactivity, not duration.
    hangs: [[/^timeouts$/, /^events without end$/]],
    close: async () => void (await Promise.all(agents.map((made) => made.destroy()))),
  };
}

function optionsOf({ url, method, headers, body, signal }: Sent): Dispatcher.RequestOptions {
  const { origin, pathname } = new URL(url);
  const bytes = typeof body === "function" ? body() : body;
  return { origin, path: pathname, method, headers, body: bytes ?? null, signal: signal ?? null } as Dispatcher.RequestOptions;
}

async function request(dispatcher: Dispatcher, sent: Sent, read: (answer: Answer) => Promise<unknown>): Promise<Received> {
  const answer = await dispatcher.request({ ...optionsOf(sent), onInfo: ({ statusCode }) => sent.note(`info ${statusCode}`) });
  sent.note(`answered ${answer.statusCode}`);
  const body = await read(answer);
  return { status: answer.statusCode, headers: answer.headers, body, more: { trailers: answer.trailers } };
}

async function leave({ body }: Answer): Promise<unknown> {
  for await (const _ of body) return "left";
  return "empty";
}

async function destroyed({ body }: Answer): Promise<unknown> {
  const closed = new Promise((resolve) => body.on("error", (error) => resolve(error.message)).on("close", () => resolve("closed")));
  body.destroy(new Error("the application's own"));
  return closed;
}

async function stream(dispatcher: Dispatcher, sent: Sent): Promise<Received> {
  const chunks: Buffer[] = [];
  let received: Received | undefined;
  const { trailers } = (await dispatcher.stream(optionsOf(sent), ({ statusCode, headers }) => {
    sent.note(`answered ${statusCode}`);
    received = { status: statusCode, headers };
    return new Writable({
      write: (chunk: Buffer, _, done) => {
        chunks.push(chunk);
        done();
      },
    });
  })) as { trailers?: unknown };
  return { status: 0, ...received, body: Buffer.concat(chunks), more: { trailers } };
}

async function pipeline(dispatcher: Dispatcher, sent: Sent): Promise<Received> {
  const { body: _, ...options } = optionsOf(sent);
  let received: Received | undefined;
  const through = dispatcher.pipeline(options, ({ statusCode, headers, body }) => {
    sent.note(`answered ${statusCode}`);
    received = { status: statusCode, headers: headers as Record<string, string> };
    return body.on("error", (error) => through.destroy(error)).pipe(new PassThrough());
  });
  through.end(typeof sent.body === "string" || Buffer.isBuffer(sent.body) ? sent.body : "piped");
  const chunks = (await through.toArray()) as Buffer[];
  return { status: 0, ...received, body: Buffer.concat(chunks) };
}

/** The callbacks of a handler, in order. */
function dispatch(dispatcher: Dispatcher, sent: Sent, aborts = false): Promise<Received> {
  return new Promise((resolve, reject) => {
    const { signal: _, ...options } = optionsOf(sent);
    const chunks: Buffer[] = [];
    let status = 0;
    let answered: Record<string, unknown> = {};
    const handled = dispatcher.dispatch(options, {
      onRequestStart: (controller) => {
        sent.note("start");
        const abort = (): void => controller.abort(sent.signal?.reason as Error);
        if (sent.signal?.aborted === true) abort();
        else sent.signal?.addEventListener("abort", abort, { once: true });
      },
      onRequestUpgrade: (_controller, statusCode, _headers, socket) => {
        sent.note(`upgrade ${statusCode}`);
        socket.on("error", () => {}).destroy();
        resolve({ status: statusCode });
      },
      onResponseStart: (controller, statusCode, headers) => {
        sent.note(`answered ${statusCode}`);
        status = statusCode;
        answered = headers;
        if (aborts) controller.abort(new Error("the application's own"));
      },
      onResponseData: (_controller, chunk) => void chunks.push(chunk),
      onResponseEnd: (_controller, trailers) => {
        sent.note("end");
        resolve({ status, headers: answered, body: Buffer.concat(chunks), more: { trailers } });
      },
      onResponseError: (_controller, error) => {
        sent.note("error");
        reject(error);
      },
    });
    sent.note(typeof handled);
  });
}

async function overHttp2(composed: Interceptor[], use: (dispatcher: Dispatcher) => Promise<Received>): Promise<Received> {
  const made = new Agent({ allowH2: true, connect: TLS });
  try {
    return await use(made.compose(...composed));
  } finally {
    await made.destroy();
  }
}
