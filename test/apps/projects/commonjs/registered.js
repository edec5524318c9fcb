// Started with `--require a2a-otel/register`: nothing here knows of the package.
const { inSpan } = require("./telemetry.js");

inSpan("work", async () => console.log(await (await fetch(`${process.env.AGENT_URL}/ok`)).text()));
