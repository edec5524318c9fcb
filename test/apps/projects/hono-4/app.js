import "./telemetry.js";
import { serve } from "@hono/node-server";
import axios from "axios";
import { Hono } from "hono";
import { instrumentAxios } from "a2a-otel/axios";
import { instrumentFetch } from "a2a-otel/fetch";
import { traceMiddleware } from "a2a-otel/server/web";

instrumentFetch();
instrumentAxios(axios);
const agent = process.env.AGENT_URL;

const calls = new Hono();
calls.get("/fetch/:path", async (c) => {
  const answer = await fetch(`${agent}/${c.req.param("path")}`);
  return c.text(await answer.text());
});
calls.get("/axios/:path", async (c) => {
  const { data } = await axios.get(`${agent}/${c.req.param("path")}`);
  return c.text(data);
});
calls.get("/rejected/:path", async (c) => {
  await axios.get(`${agent}/${c.req.param("path")}`);
});

const app = new Hono();
app.use(traceMiddleware());
app.route("/call", calls);
app.onError((error, c) => c.text(error.name, 502));

serve({ fetch: app.fetch, hostname: "127.0.0.1", port: 0 }, ({ port }) => console.log(`http://127.0.0.1:${port}`));
