import { instrumentFetch, wrapFetch } from "a2a-otel/fetch";
import { rejection, sleep } from "./assert.mjs";
import { clientChecks } from "./client-checks.mjs";
import { helperChecks } from "./helper-checks.mjs";
import { shape } from "./spans.mjs";
import { flush, forget, ownSpans, startTelemetry } from "./telemetry.mjs";

// What the test asks a page, or a worker of one, to do.

startTelemetry("page");
const platform = globalThis.fetch;

/** Sends a request, by a wrapped fetch or by the page's instrumented one, and tells what came of it. */
async function ask(url, init, { options, instrumented, plain } = {}) {
  forget();
  const undo = instrumented ? instrumentFetch(options) : () => {};
  const send = plain || instrumented ? globalThis.fetch : wrapFetch(platform, options);
  const calling = send(url, init);
  undo();
  let answer;
  try {
    const { status, type } = await calling;
    answer = { status, type, text: await (await calling).text() };
  } catch {
    answer = { error: (await rejection(calling)).name };
  }
  await sleep(20);
  const spans = ownSpans().map((span) => ({ ...shape(span), id: span.spanContext().spanId, traceId: span.spanContext().traceId }));
  return { ...answer, spans };
}

async function checks(closed) {
  const on = { contexts: false, seesEnd: false, uploads: false, errors: { refused: "TypeError", cut: "TypeError" } };
  return [...(await clientChecks(location.origin, closed, on)), ...(await helperChecks(location.origin, on))];
}

if (typeof document === "undefined") globalThis.addEventListener("message", async ({ data }) => postMessage(await ask(...data)));
else Object.assign(globalThis, { ask, checks, flush });
