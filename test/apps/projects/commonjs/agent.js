// All subpaths by require: a server that is called through each client.
const { inSpan } = require("./telemetry.js");
const { existsSync } = require("node:fs");
const { createServer } = require("node:http");
const { join } = require("node:path");
const axios = require("axios");
const { got } = require("got");
const { Agent, request } = require("undici");
const { injectTraceContext } = require("a2a-otel");
const { baggageSpanProcessor, wrapA2AClient, wrapRequestHandler } = require("a2a-otel/a2a");
const { instrumentAxios } = require("a2a-otel/axios");
const { instrumentFetch } = require("a2a-otel/fetch");
const { wrapGot } = require("a2a-otel/got");
const { exports: subpaths, version } = require("a2a-otel/package.json");
const express = require("a2a-otel/server/express");
const { traceRequests } = require("a2a-otel/server/node");
const { setupPropagation } = require("a2a-otel/setup");
const { traceInterceptor } = require("a2a-otel/undici");

// Whatever the package has come to export since.
const home = join(__dirname, "node_modules/a2a-otel");
for (const [subpath, file] of Object.entries(subpaths)) {
  if (existsSync(join(home, file))) require(join("a2a-otel", subpath));
}

const made = [baggageSpanProcessor, wrapA2AClient, wrapRequestHandler, express.traceRequests, injectTraceContext];
const { propagator, contextManager } = setupPropagation();
instrumentFetch();
const client = axios.create();
instrumentAxios(client);
const traced = wrapGot(got);
const dispatcher = new Agent().compose(traceInterceptor());

const server = createServer(traceRequests((incoming, response) => response.end(incoming.url)));
server.listen(0, "127.0.0.1", async () => {
  const url = `http://127.0.0.1:${server.address().port}`;
  const answers = await inSpan("work", async () => [
    await (await fetch(`${url}/fetch`)).text(),
    await (await request(`${url}/undici`, { dispatcher })).body.text(),
    (await client.get(`${url}/axios`)).data,
    await traced(`${url}/got`).text(),
  ]);
  const imported = await import("a2a-otel/fetch");
  console.log(
    JSON.stringify({
      answers,
      functions: made.every((one) => typeof one === "function"),
      same: imported.instrumentFetch === instrumentFetch,
      setup: { propagator, contextManager },
      version,
    }),
  );
  await dispatcher.close();
  server.close();
});
