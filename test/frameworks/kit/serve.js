import { createServer } from "node:http";
import { takeSpans } from "./collector.js";

export const MODEL_URL = process.env.MODEL_URL;
export const isTraced = process.env.TRACED === "true";
export const variant = process.env.VARIANT;

/** The agent that the operation's request names. */
let nextUrl = "";

/** What the tool of an agent does: it passes a task on to the next agent. */
export async function askNext(task) {
  const response = await fetch(`${nextUrl}/work?task=${encodeURIComponent(task)}`);
  return response.text();
}

export const next = () => nextUrl;

const received = [];

/** Runs the operation that a request names. */
export async function runOperation(operations, request) {
  const { pathname, searchParams } = new URL(request.url, "http://agent");
  received.push({ path: pathname, rawHeaders: request.rawHeaders });
  nextUrl = searchParams.get("next") ?? nextUrl;
  const operation = operations[pathname.slice(1)];
  if (operation === undefined) throw new Error(`no operation ${pathname}`);
  return String(await operation(searchParams));
}

/** A listener of node:http for the operations of an agent. */
export function listenerOf(operations) {
  return async (request, response) => {
    try {
      response.end(await runOperation(operations, request));
    } catch (error) {
      console.error(error);
      response.writeHead(500).end(String(error?.stack ?? error));
    }
  };
}

/** Serves an agent on node:http; each operation is a path. */
export async function serve(operations) {
  const listener = listenerOf(operations);
  if (!isTraced) return listen(createServer(listener));
  const { traceRequests } = await import("a2a-otel/server/node");
  return listen(createServer(traceRequests(listener)));
}

/** Lets a server listen on loopback, and reports its address to the driver. */
export function listen(server) {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const url = `http://127.0.0.1:${server.address().port}`;
      ready(url);
      resolve(url);
    });
  });
}

export function ready(url) {
  process.send?.({ url });
}

/** Records a request that another server of the framework has received. */
export function note(path, rawHeaders) {
  received.push({ path, rawHeaders });
}

process.on("message", async () => process.send({ ...(await takeSpans()), received: received.splice(0) }));
process.on("disconnect", () => process.exit());
