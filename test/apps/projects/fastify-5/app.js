import "./telemetry.js";
import axios from "axios";
import fastify from "fastify";
import { instrumentAxios } from "a2a-otel/axios";
import { instrumentFetch } from "a2a-otel/fetch";
import { traceRequests } from "a2a-otel/server/fastify";

instrumentFetch();
instrumentAxios(axios);
const agent = process.env.AGENT_URL;

const calls = async (routes) => {
  routes.get("/fetch/:path", async ({ params }) => {
    const answer = await fetch(`${agent}/${params.path}`);
    return answer.text();
  });
  routes.get("/axios/:path", async ({ params }) => {
    const { data } = await axios.get(`${agent}/${params.path}`);
    return data;
  });
  routes.get("/rejected/:path", async ({ params }) => axios.get(`${agent}/${params.path}`));
};

const app = fastify();
app.register(traceRequests);
app.register(calls, { prefix: "/call" });
app.setErrorHandler((error, _request, reply) => reply.code(502).send(error.name));

console.log(await app.listen({ port: 0, host: "127.0.0.1" }));
