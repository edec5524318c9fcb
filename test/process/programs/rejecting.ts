import { makeClients, startSdk, report } from "./kit.ts";
import type { Client } from "./kit.ts";

// Failing calls. Each unhandled failure is reported once, handled ones are not.

const { SERVER: server, REFUSED: refused, TRACED: traced } = process.env;
startSdk();
let unhandled: string[] = [];
process.on("unhandledRejection", (reason) => {
  const { name, code, cause } = reason as Error & { code?: unknown };
  unhandled.push(`${name} ${String(code)} ${String((cause as { code?: unknown } | undefined)?.code)}`);
});
process.on("rejectionHandled", () => unhandled.push("handled too late"));
process.on("warning", ({ name }) => unhandled.push(name));

const FAILING: ((client: Client) => Promise<unknown>)[] = [
  (client) => client.whole(`${refused}/`),
  (client) => client.whole(`${server}/reset`),
  (client) => client.whole(`${server}/stall`, AbortSignal.timeout(20)),
  (client) => client.whole(`${server}/stall`, AbortSignal.abort()),
  async (client) => {
    for await (const _ of await client.stream(`${server}/cut`));
  },
];

const settled = (): Promise<unknown> => new Promise((resolve) => setTimeout(resolve, 250));
for (const [name, client] of Object.entries(makeClients(traced === "yes"))) {
  for (const fail of FAILING) fail(client).catch(() => {});
  await settled();
  report(`${name}, handled`, unhandled);
  unhandled = [];
  for (const fail of FAILING) void fail(client);
  await settled();
  report(`${name}, not handled`, unhandled.toSorted());
  unhandled = [];
}
