import "./tracing.ts";
import { instrumentFetch } from "a2a-otel/fetch";
// #region readme
import fastify from "fastify";
import { traceRequests } from "a2a-otel/server/fastify";

const app = fastify();
app.register(traceRequests, { ignoreRequestHook: (request) => request.url === "/health" });
// #endregion

instrumentFetch();
app.get("/health", () => "ok");
app.get<{ Params: { name: string } }>("/agents/:name", (request) => `hello ${request.params.name}`);

const url = await app.listen({ host: "127.0.0.1", port: 0 });
const response = await fetch(`${url}/agents/researcher`);
console.log(await response.text());
await app.close();
