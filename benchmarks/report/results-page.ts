import { packageList } from "./environment.ts";
import type { Environment } from "./environment.ts";
import { markdown } from "./table.ts";
import type { Table } from "./table.ts";

/** benchmarks/RESULTS.md. */
export function resultsPage({ machine, node, versions }: Environment, tables: readonly Table[]): string {
  return `# What tracing a call costs

Written by \`npm run bench -- --update\`. Measured on ${machine}; Node ${node}, ${packageList(versions)}.

## What is promised

Tracing a call costs less than 0.01 ms (10 microseconds) of the process's own time: at the median, for each client, with an SDK that samples
and a \`BatchSpanProcessor\`. \`npm run bench:gate\` holds the code to it, and to the figures beside it.

- **Own time** is what the process computes more for a call than without this library. It is measured on a stub transport: a function in the place
  of the client's own that does nothing but what an instrumentation sees of it (its callbacks, its promise, its diagnostics channels). For got the
  stub stands for all of got behind its handler; axios runs itself, with a stub for its adapter.
- In a whole client, between everything else that it does, caches are cold, and even the bare SDK calls take more than 10 microseconds. That
  table compares; it promises nothing.
- Exporting is not in it: spans are exported between the rounds, to nowhere. What your exporter costs depends on it.
- **The floor** is what nobody goes below without leaving OpenTelemetry's public API: \`startSpan\` with the attributes that are known at the start,
  \`trace.setSpan\`, \`propagation.inject\` (for a server \`extract\` and \`context.with\`), \`setAttribute\` for each of the others, \`end\`: the same span
  and the same headers. A test compares them.
- Base, floor and traced take turns in one process, 500 calls a round (axios in turns of 25, for it takes long itself). A ratio is
  the median over the rounds of (traced - base) / (floor - base), its interval what any of three processes holds possible, 99 times of 100. Ratios
  hold from run to run; microseconds drift with the machine, by 1.7 times within a day on a shared one.
- The processes run with \`--single-threaded\`, so that the collector's work is in the time, and with a young generation of 16 MB. Bytes are counted
  without a collection in between, so they do not depend on its mood.
- Without an SDK: nothing is registered and nothing came in; "a trace came in" is a service without an SDK that passes it on.

${tables.map(markdown).join("\n")}`;
}
