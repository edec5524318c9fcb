const { once } = require("node:events");
const { createServer } = require("node:http");
const { trace } = require("@opentelemetry/api");
const { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } = require("@opentelemetry/sdk-trace");
const axios = require("axios");
const { Agent, request } = require("undici");
const { instrumentAxios } = require("a2a-otel/axios");
const { instrumentFetch } = require("a2a-otel/fetch");
const { traceRequests } = require("a2a-otel/server/node");
const { setupPropagation } = require("a2a-otel/setup");
const { traceInterceptor } = require("a2a-otel/undici");

const exporter = new InMemorySpanExporter();
trace.setGlobalTracerProvider(new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] }));
setupPropagation();

const undo = [instrumentFetch()];
const client = axios.create();
undo.push(instrumentAxios(client));
const dispatcher = new Agent().compose(traceInterceptor());

const server = createServer(traceRequests((incoming, response) => response.end(incoming.url)));
let url;
beforeAll(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${server.address().port}`;
});
afterAll(async () => {
  for (const one of undo) one();
  await dispatcher.close();
  server.closeAllConnections();
  server.close();
});

it.each([
  ["fetch", async () => (await fetch(`${url}/path`)).text()],
  ["undici", async () => (await request(`${url}/path`, { dispatcher })).body.text()],
  ["axios", async () => (await client.get(`${url}/path`)).data],
])("records one CLIENT span for a call with %s, and the SERVER span under it", async (_, call) => {
  exporter.reset();
  expect(await call()).toBe("/path");
  // The server's span ends when the response has left, which may be later than the client has it.
  while (exporter.getFinishedSpans().length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
  const [received, sent] = exporter.getFinishedSpans().toSorted((a, b) => a.kind - b.kind);
  expect(sent.attributes).toMatchObject({ "network.peer.address": "127.0.0.1", "http.response.status_code": 200 });
  const { traceId, spanId } = sent.spanContext();
  expect(received.parentSpanContext).toMatchObject({ traceId, spanId });
});
