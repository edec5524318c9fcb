import "./telemetry.js";
import axios from "axios";
import express from "express";
import { instrumentAxios } from "a2a-otel/axios";
import { instrumentFetch } from "a2a-otel/fetch";
import { traceRequests } from "a2a-otel/server/express";

instrumentFetch();
instrumentAxios(axios);
const agent = process.env.AGENT_URL;

const calls = express.Router();
calls.get("/fetch/:path", async (request, response) => {
  const answer = await fetch(`${agent}/${request.params.path}`);
  response.send(await answer.text());
});
calls.get("/axios/:path", async (request, response) => {
  const { data } = await axios.get(`${agent}/${request.params.path}`);
  response.send(data);
});
// express 5 hands what a handler rejects with to the error handler.
calls.get("/rejected/:path", async (request) => {
  await axios.get(`${agent}/${request.params.path}`);
});

const app = express();
app.use(traceRequests());
app.use("/call", calls);
app.use((error, request, response, _next) => response.status(502).send(error.name));

const server = app.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
