// Both builds of axios in one file: `require` finds the CommonJS one, and the package's own `import` the other.
require("./telemetry.js");
const { DiagConsoleLogger, DiagLogLevel, diag } = require("@opentelemetry/api");
const axios = require("axios");
const { instrumentAxios } = require("a2a-otel/axios");

diag.setLogger(new DiagConsoleLogger(), DiagLogLevel.WARN);
const client = axios.create();
instrumentAxios(client);
client.get(`${process.env.AGENT_URL}/missing`).catch((error) => console.log(axios.isAxiosError(error), error.response.status));
