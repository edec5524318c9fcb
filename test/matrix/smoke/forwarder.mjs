// node --import a2a-otel/register forwarder.mjs <url>: an agent with no SDK, which asks that URL for what it answers.
import { createServer } from "node:http";
import { traceRequests } from "a2a-otel/server/node";

const [url] = process.argv.slice(2);
const listener = traceRequests(async (_, response) => response.end(await (await fetch(url)).text()));
const server = createServer(listener).listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.resume().on("end", () => server.close());
