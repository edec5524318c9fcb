import { packageList } from "./environment.ts";
import type { Environment } from "./environment.ts";
import { markdown } from "./table.ts";
import type { Table } from "./table.ts";

/** benchmarks/PEERS.md. */
export function peersPage({ machine, node, versions }: Environment, peers: Record<string, string>, table: Table): string {
  return `# Beside what else traces HTTP on Node.js

Written by \`npm run bench:peers -- --update\`. Measured on ${machine}; Node ${node}, ${packageList(versions)}; in a folder of
their own ${packageList(peers)}.

Each has a process of its own, is set up as its documentation says, samples everything and sends to nowhere. The calls are small POST requests, each
made when the one before has been answered, inside a span that stands for the agent's own request. \`floor\` is the bare SDK calls for the same span and headers, by
hand; \`opentelemetry\` is its own instrumentation-undici and instrumentation-http. They do not all do the same: Sentry and Datadog bring much else, and got and
axios are traced by them through node:http. [RESULTS.md](RESULTS.md) says how time is measured, and what the promise is about.

${markdown(table)}`;
}
