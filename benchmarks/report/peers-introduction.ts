/** The beginning of PEERS.md, before the table. */
export const PEERS_INTRODUCTION = `# Comparison with other tracing libraries

This page is written by \`npm run bench:peers -- --update\`, which installs the other libraries into \`benchmarks/peers\`. Each table begins with the
command that measures it again.

- Each library runs in processes of its own. It is set up as its documentation says, samples everything, and discards what it exports.
- In the table of whole clients, a call is a small POST request over an in-memory socket. Calls are made one after another, inside the span of a
  request that the agent handles.
- \`SDK baseline\` is the bare SDK calls that make the same span and the same headers. \`OpenTelemetry\` is OpenTelemetry's instrumentation-undici,
  instrumentation-http and instrumentation-express.
- The libraries do not do the same work: Sentry and Datadog bring many other features, and both trace got and axios through \`node:http\`.
- [RESULTS.md](RESULTS.md) describes the method and what is promised. These figures are comparisons and not the subject of the promise.
`;
