import { letGoOfConnections, makeClients, reading, startSdk, report } from "./kit.ts";
import type { Client } from "./kit.ts";

// A program that has done its work, and is to end by itself though a lot of what it called is still open.

const { SERVER: server, TRACED: traced } = process.env;
const open: unknown[] = [];

const WORKS: ((client: Client, name: string) => Promise<unknown>)[] = [
  (client, name) => client.whole(`${server}/ok?${name}-read`),
  async (client, name) => open.push(await client.stream(`${server}/ok?${name}-small-unread`)),
  async (client, name) => open.push(await client.stream(`${server}/large?${name}-large-unread`)),
  async (client, name) => open.push(await reading(await client.stream(`${server}/endless?${name}-being-read`))),
  async (client, name) => {
    for await (const _ of await client.stream(`${server}/endless?${name}-left`)) return;
  },
  async (client, name) => open.push(client.whole(`${server}/stall?${name}-unanswered`).catch(String)),
];

const provider = startSdk();
letGoOfConnections();
let done = 0;
process.once("beforeExit", () => void provider.shutdown());
process.on("exit", (code) => report("exit", { code, milliseconds: performance.now() - done }));
// While there is work to do something keeps the program, for its connections do not.
const busy = setInterval(() => {}, 1000);
const clients = Object.entries(makeClients(traced === "yes"));
await Promise.all(clients.flatMap(([name, client]) => WORKS.map((work) => work(client, name))));
setTimeout(() => {
  clearInterval(busy);
  done = performance.now();
}, 100);
