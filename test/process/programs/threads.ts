import { Worker, isMainThread, parentPort, workerData } from "node:worker_threads";
import { makeClients, reading, startSdk, report } from "./kit.ts";

// A program that calls from its main thread and from workers, each with an SDK of its own or none.

const { SERVER: server } = process.env;
// The process's own arguments, without those that pass the program's code.
const execArgv = process.execArgv.filter((argument, i, all) => argument === "--import" || all[i - 1] === "--import");
const state = (globalThis as Record<symbol, unknown>)[Symbol.for("a2a-otel.state.v1")] as
  | { instrumented: WeakSet<object>; processInstrumentation?: { config?: object } }
  | undefined;
const isTraced = (): boolean => state?.instrumented.has(fetch) === true || state?.processInstrumentation?.config !== undefined;

async function main(): Promise<void> {
  const provider = startSdk();
  const { fetch: client } = makeClients(true);
  report("main is traced", isTraced());
  await client!.whole(`${server}/ok?main-before`);

  const own = new Worker(new URL(import.meta.url), { workerData: "traced", execArgv });
  own.on("message", ([what, details]: [string, unknown]) => report(`worker ${what}`, details));
  report("worker ended", await new Promise((resolve) => own.once("exit", resolve)));

  const cut = new Worker(new URL(import.meta.url), { workerData: "cut", execArgv });
  await new Promise<void>((resolve) => cut.on("message", ([what]: [string]) => what === "is under way" && resolve()));
  report("worker cut", await cut.terminate());

  await client!.whole(`${server}/ok?main-after`);
  await provider.shutdown();
}

function postReport(what: string, details: unknown): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port has no origin
  parentPort!.postMessage([what, details]);
}

async function worker(): Promise<void> {
  postReport("is traced at first", isTraced());
  await (await fetch(`${server}/ok?worker-plain`)).text();
  const provider = startSdk();
  const clients = Object.entries(makeClients(true));
  postReport("is traced then", isTraced());
  for (const [name, client] of clients) await client.whole(`${server}/ok?worker-${name}`);
  if (workerData === "cut") {
    for (const [name, client] of clients) {
      await reading(await client.stream(`${server}/endless?worker-${name}`));
      client.whole(`${server}/stall?worker-${name}`).catch(String);
    }
    postReport("is under way", true);
    return;
  }
  await provider.shutdown();
}

await (isMainThread ? main() : worker());
