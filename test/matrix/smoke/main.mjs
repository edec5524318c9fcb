// Every export of a2a-otel in one real trace over loopback, as an application would use it. Exits with 0 if all is as it should be.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { ROOT_CONTEXT, SpanKind, context, propagation, trace } from "@opentelemetry/api";
import { startA2A } from "./a2a.mjs";
import { startBare } from "./bare.mjs";
import { CLIENTS, stopClients } from "./clients.mjs";
import { callTool } from "./mcp.mjs";
import { cli, startForwarder } from "./processes.mjs";
import { startSdk, treeOf, warnings } from "./sdk.mjs";
import { AGENTS, closeAll } from "./servers.mjs";
import { manifest, unused, use } from "./uses.mjs";

const {
  continueTrace,
  extractEnvironment,
  extractTraceContext,
  injectEnvironment,
  injectTraceContext,
  isModelProvider,
  isTelemetrySink,
  modelProviderHosts,
  telemetrySinks,
} = await use(".");
const { setupPropagation } = await use("./setup");
const { instrumentFetch, wrapFetch } = await use("./fetch");
const { instrumentNode, nodeInstrumentation } = await use("./node");
const { baggageSpanProcessor } = await use("./a2a");
const { getDiagnostics, redactText } = await use("./diagnostics");
const { doctor, formatReport } = await import("a2a-otel-cli/doctor");

process.on("uncaughtException", ({ stack }) => {
  console.error(stack);
  process.exit(1);
});

// The SDK brings spans alone; the package brings what carries them.
const sdk = startSdk([baggageSpanProcessor(["conversation"])]);
assert.deepEqual(setupPropagation(), {
  fields: ["traceparent", "tracestate", "baggage"],
  propagator: "ours",
  contextManager: "ours",
  tracerProvider: "other",
});
const platformFetch = globalThis.fetch;
// Node-wide instrumentation changes no request of a client that is instrumented.
const undoNode = instrumentNode();
assert.equal(globalThis.fetch, platformFetch);
const undo = instrumentFetch();
assert.equal(createRequire(import.meta.url)("a2a-otel/fetch").wrapFetch, wrapFetch, "require() gives another copy of the package");

const askA2A = await startA2A();
const bare = await startBare();
const forwarder = await startForwarder(bare);

/** The last agent puts work aside, and a worker that knows nothing of the request takes it up. */
const queue = async () => {
  const stored = JSON.stringify(injectTraceContext());
  const { traceId } = trace.getActiveSpan().spanContext();
  return context.with(ROOT_CONTEXT, () => {
    const carrier = JSON.parse(stored);
    assert.equal(trace.getSpanContext(extractTraceContext(carrier))?.traceId, traceId);
    return continueTrace(carrier, askA2A, { name: "work", kind: SpanKind.CONSUMER });
  });
};

// orchestrator -> node -> express -> fastify -> hono -> web -> koa -> queue -> A2A
const HOPS = [
  ["fetch", "node"],
  ["undici", "express"],
  ["axios", "fastify"],
  ["got", "hono"],
  ["wrappedFetch", "web"],
  ["fetch", "koa"],
];
let next = queue;
for (const [client, agent] of HOPS.toReversed()) {
  const url = await AGENTS[agent](next);
  next = () => CLIENTS[client](url);
}

const root = trace.getTracer("smoke").startSpan("smoke");
const { traceId } = root.spanContext();
const baggage = propagation.createBaggage({ conversation: { value: "c-1" } });
await context.with(propagation.setBaggage(trace.setSpan(ROOT_CONTEXT, root), baggage), async () => {
  assert.equal(await next(), "node, express, fastify, hono, web, koa, a2a");
  const seen = await (await fetch(forwarder.url)).json();
  assert.deepEqual([seen.traceparent.slice(3, 35), seen.baggage], [traceId, "conversation=c-1"], "register forwards the trace");
  for (const version of ["v1", "v2"]) assert.equal(await callTool(version), "mcp");
  assert.equal(isModelProvider("https://api.openai.com/v1/chat/completions"), true);
  assert.equal(isTelemetrySink("https://api.openai.com/v1/traces/ingest"), true);
  assert.ok(telemetrySinks.length > 0);
  assert.equal(trace.getSpanContext(extractEnvironment(injectEnvironment({}), ROOT_CONTEXT))?.traceId, traceId);
  assert.equal(isModelProvider(bare), false);
  const shown = await (await wrapFetch(platformFetch, { baggageTo: modelProviderHosts })(bare)).json();
  assert.deepEqual([shown.traceparent.slice(3, 35), shown.baggage], [traceId, undefined], "baggage goes to whom it is for");
});
root.end();

const EXPECTED = `
INTERNAL smoke
  CLIENT GET
    SERVER GET
      CLIENT GET
        SERVER GET /agents/:name
          CLIENT GET
            SERVER GET /agents/:name
              CLIENT GET
                SERVER GET /agents/:name
                  CLIENT GET
                    SERVER GET
                      CLIENT GET
                        SERVER GET
                          CONSUMER work
                            CLIENT GET /.well-known/agent-card.json
                              SERVER GET /.well-known/agent-card.json
                            CLIENT SendMessage
                              CLIENT POST
                                SERVER SendMessage
  CLIENT GET
  CLIENT initialize
    SERVER initialize
  CLIENT notifications/initialized
    SERVER notifications/initialized
  CLIENT tools/call greet
    SERVER tools/call greet
  CLIENT initialize
    SERVER initialize
  CLIENT notifications/initialized
    SERVER notifications/initialized
  CLIENT tools/call greet
    SERVER tools/call greet
  CLIENT GET`.trim();

// A span ends with the last byte of its response, which may come after the caller has it.
for (let waited = 0; sdk.spans.length < EXPECTED.split("\n").length && waited < 3000; waited += 10) {
  await new Promise((resolve) => setTimeout(resolve, 10));
}
const tree = treeOf(sdk.spans).join("\n");
assert.equal(tree, EXPECTED, `the spans are\n${tree}\ninstead of\n${EXPECTED}`);
assert.deepEqual(new Set(sdk.spans.map((span) => span.spanContext().traceId)), new Set([traceId]), "there is one trace");
const ours = sdk.spans.filter(({ instrumentationScope }) => instrumentationScope.name === manifest.name);
for (const { name, attributes, status } of ours) {
  assert.deepEqual([name, attributes.conversation, status.code], [name, "c-1", 0]);
}
const isMcp = ({ attributes }) => "mcp.method.name" in attributes;
assert.deepEqual(await sdk.durations(), {
  "http.client.request.duration": ours.filter((span) => "url.full" in span.attributes).length,
  "http.server.request.duration": ours.filter((span) => span.kind === SpanKind.SERVER && !isMcp(span)).length,
  "mcp.client.operation.duration": ours.filter((span) => span.kind === SpanKind.CLIENT && isMcp(span)).length,
  "mcp.server.operation.duration": ours.filter((span) => span.kind === SpanKind.SERVER && isMcp(span)).length,
  "mcp.client.session.duration": 2,
  "mcp.server.session.duration": 2,
});

const { activeCalls, isFetchInstrumented, version } = getDiagnostics();
assert.deepEqual(
  { activeCalls, isFetchInstrumented, version },
  { activeCalls: [], isFetchInstrumented: true, version: manifest.version },
);
assert.equal(redactText("http://agent/?token=secret"), "http://agent/?token=REDACTED");

const report = await doctor();
assert.equal(String(report), formatReport(report));
// On a Node that is older than what package.json asks for the doctor says so.
const isOld = Number.parseInt(process.versions.node, 10) < 22;
const complaints = report.findings.filter(({ id, level }) => level !== "ok" && !(isOld && id === "runtime"));
assert.deepEqual(complaints, [], String(report));
assert.equal(await cli("--version"), manifest.version);

undo();
undoNode();
assert.equal(globalThis.fetch, platformFetch, "undo() gives the platform's fetch back");
assert.equal(nodeInstrumentation().getConfig().enabled, false);
await stopClients();
assert.equal(await forwarder.stop(), "", "the forwarder complains of nothing");
await closeAll();
await sdk.stop();
assert.deepEqual(await unused(), [], "the smoke uses every export");
assert.deepEqual(warnings, [], "there is no warning");
console.log(`one trace of ${ours.length + 1} spans, through all of ${Object.keys(manifest.exports).length} subpaths`);
