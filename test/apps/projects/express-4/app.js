"use strict";
require("./telemetry.js");
const axios = require("axios");
const express = require("express");
const { instrumentAxios } = require("a2a-otel/axios");
const { instrumentFetch } = require("a2a-otel/fetch");
const { traceRequests } = require("a2a-otel/server/express");

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
// What express 4 does not catch itself.
calls.get("/rejected/:path", (request, response, next) => {
  axios.get(`${agent}/${request.params.path}`).catch(next);
});

const app = express();
app.use(traceRequests());
app.use("/call", calls);
app.use((error, request, response, _next) => response.status(502).send(error.name));

const server = app.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
