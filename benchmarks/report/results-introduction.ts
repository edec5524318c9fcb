/** The beginning of RESULTS.md, before the tables. */
export const RESULTS_INTRODUCTION = `# Benchmark results

This page is written by \`npm run bench -- --update\`, which also draws the chart of README.md. Each table begins with the command that measures it
again; add \`--quick\` for a first look.

| command                     | what it does                                                                       |
| --------------------------- | ---------------------------------------------------------------------------------- |
| \`npm run bench\`             | measures all tables of this page                                                   |
| \`npm run bench:gate\`        | checks the limits in [targets.ts](targets.ts), in about a minute on a busy machine |
| \`npm run bench:gate:self\`   | tests the gate with delayed calls while all cores are busy                         |
| \`npm run bench:micro\`       | compares a clever implementation with the obvious one                              |
| \`npm run bench:peers\`       | compares with other tracing libraries: [PEERS.md](PEERS.md)                        |
| \`npm run docs:figures\`      | copies the figures to README.md                                                    |

## What is promised

**Tracing a call takes less than 0.01 ms (10 microseconds) of the process's own CPU time.** This holds for the library's own time per call on a stub
transport, over the quietest tenth of the rounds, for each client and for the server, with an SDK that samples every call and a \`BatchSpanProcessor\`.
\`npm run bench:gate\` checks it. The promise is not about whole clients and agents, where the caches are cold and the bare SDK calls alone can take more
than 10 microseconds; the tables below show what tracing adds to them. Other targets are printed beside the values, which are in bold where they miss theirs.

## How it is measured

- **Own time** is the CPU time of a traced call minus that of the same call without tracing. A stub transport takes the place of the client's network
  code: it does only what an instrumentation can see, which is its callbacks, its promise and its diagnostics channels. axios itself runs in full,
  with a stub for its adapter. For got, the stub takes the place of everything behind got's handler.
- **The SDK baseline** is the minimum for code that uses OpenTelemetry's public API: \`startSpan\` with the attributes that are known at the start,
  \`trace.setSpan\`, \`propagation.inject\` (on a server \`propagation.extract\` and \`context.with\`), \`setAttribute\` for the other attributes, and
  \`end\`. A test checks that the SDK baseline and the library make equal spans and headers.
- **Rounds.** The untraced call, the SDK baseline and the traced call take turns in one process, 100 calls each (20 for axios). CPU time does not
  include the time in which other processes run, but other processes evict caches and lower the clock frequency. Such effects only add time, so
  results are means of the quietest tenth of the rounds. They are the same on an idle machine and on a busy one.
- **Ratios** divide the library's own time by the SDK baseline's from the same rounds. Across processes they vary by about 1 % (axios: 4 %). Microseconds
  depend on the machine, and on a shared machine they vary during a day. The interval of a ratio is a 99 % bootstrap interval; of several processes
  it is the hull of their intervals.
- **Garbage collection and export.** The processes run with \`--single-threaded\`, so that garbage collection is part of the CPU time, and with a young
  generation of 16 MB. The quietest tenth contains no collection; the median and the 99th percentile do. Bytes per call are counted between
  two collections and hardly vary. Spans are exported between the rounds and discarded: the cost of your exporter is not included.
- **Whole agents and whole clients** are processes of their own for each kind of tracing, which take turns. Their ratios vary more than those of own
  time: by about 10 % on an idle machine, and by more on a busy one.
- **SDK states.** "No SDK": nothing is registered, and no trace was received. "No SDK, trace received": a service without an SDK forwards the trace.
  "Unsampled" and "sampled": the SDK's sampler drops or keeps every span.
`;
