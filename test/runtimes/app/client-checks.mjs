import { instrumentFetch, wrapFetch } from "a2a-otel/fetch";
import { equal, rejection, runAll, sleep, until } from "./assert.mjs";
import { clientSpan, endedSpan, endedSpans, inSpan, milliseconds, shape, traceparentOf } from "./spans.mjs";
import { forget, ownSpans } from "./telemetry.mjs";

const BYTES = Uint8Array.from({ length: 1024 }, (_, index) => index % 256);
const EVENTS = "data: 0\n\ndata: 1\n\ndata: 2\n\n";

/**
 * What the fetch wrapper does, the same on every runtime.
 *
 * @param on what this runtime is like: `contexts`, whether a context manager is there; `seesEnd`, whether each span lasts to the end of the body; `errors`,
 * how it names a connection that is refused and a stream that is cut; `uploads`, whether it sends streams over HTTP/1.1.
 */
export function clientChecks(agent, closed, on) {
  const platform = globalThis.fetch;
  const traced = wrapFetch(platform);
  const at = (path) => new URL(path, agent).href;

  return runAll(
    {
      "instrumentFetch: a CLIENT span, one traceparent on the wire, and the platform's fetch when it is undone": async () => {
        const undo = instrumentFetch();
        const again = instrumentFetch();
        const { result, work } = await inSpan(async () => (await fetch(at("/headers"), { headers: { "x-own": "kept" } })).json());
        again();
        undo();
        equal(globalThis.fetch === platform, true, "the platform's fetch is back");
        const span = await endedSpan();
        equal(shape(span), clientSpan(agent, "/headers"));
        equal(result.traceparent, [traceparentOf(span)]);
        equal(result["x-own"], ["kept"]);
        equal(span.parentSpanContext?.spanId, on.contexts ? work.spanId : undefined, "the parent");
      },
      "wrapFetch: one span, also where the global fetch is instrumented": async () => {
        const undo = instrumentFetch();
        try {
          const headers = await (await wrapFetch(fetch)(at("/headers"))).json();
          equal(headers.traceparent, [traceparentOf(await endedSpan())]);
        } finally {
          undo();
        }
        forget();
        const headers = await (await traced(at("/headers"))).json();
        equal(headers.traceparent, [traceparentOf(await endedSpan())]);
      },
      "404 is an error with its status": async () => {
        equal(await (await traced(at("/status/404"))).text(), "status 404");
        const attributes = { "http.response.status_code": 404, "error.type": "404" };
        equal(shape(await endedSpan()), clientSpan(agent, "/status/404", { status: "ERROR", attributes }));
      },
      "a connection that is refused is an error, and rejects as it does without us": async () => {
        const plain = await rejection(platform(closed));
        const error = await rejection(traced(closed));
        equal([error.name, error.message, error.code], [plain.name, plain.message, plain.code]);
        const attributes = { "http.response.status_code": undefined, "error.type": on.errors.refused };
        equal(shape(await endedSpan()), clientSpan(closed, "/", { status: "ERROR", attributes }));
        return on.errors.refused;
      },
      "an abort is no error, and rejects as it does without us": async () => {
        const aborting = new AbortController();
        setTimeout(() => aborting.abort(), 60);
        const error = await rejection(traced(at("/slow"), { signal: aborting.signal }));
        equal(error.name, "AbortError");
        equal(shape(await endedSpan()), clientSpan(agent, "/slow", { attributes: { "http.response.status_code": undefined } }));
      },
      "a timeout is an error": async () => {
        const error = await rejection(traced(at("/slow"), { signal: AbortSignal.timeout(60) }));
        equal(error.name, "TimeoutError");
        const attributes = { "http.response.status_code": undefined, "error.type": "TimeoutError" };
        equal(shape(await endedSpan()), clientSpan(agent, "/slow", { status: "ERROR", attributes }));
      },
      "an event stream's span ends with its last event": async () => {
        const response = await traced(at("/events"));
        const reader = response.body.getReader();
        const decoder = new TextDecoder();
        let text = "";
        for (let read = await reader.read(); !read.done; read = await reader.read()) {
          text += decoder.decode(read.value, { stream: true });
          equal(ownSpans().length, 0, "spans that have ended before the stream");
        }
        equal(text, EVENTS);
        const span = await endedSpan();
        equal(shape(span), clientSpan(agent, "/events"));
        if (milliseconds(span) < 60) throw new Error(`the span took ${milliseconds(span)} ms, the stream at least 80`);
        return `${Math.round(milliseconds(span))} ms`;
      },
      "an event stream that is read as a text, or by for await, ends its span likewise": async () => {
        const text = await (await traced(at("/events"))).text();
        equal(text, EVENTS);
        equal(shape(await endedSpan()), clientSpan(agent, "/events"));
        const { body } = await traced(at("/events"));
        let chunks = "";
        for await (const chunk of body) chunks += new TextDecoder().decode(chunk);
        equal(chunks, EVENTS);
        equal((await endedSpans(2)).map(shape), [clientSpan(agent, "/events"), clientSpan(agent, "/events")]);
      },
      "an event stream that is cancelled is no error": async () => {
        const reader = (await traced(at("/endless"))).body.getReader();
        await reader.read();
        equal(ownSpans().length, 0);
        await reader.cancel();
        equal(shape(await endedSpan()), clientSpan(agent, "/endless"));
      },
      "an event stream that is aborted is no error, and rejects": async () => {
        const aborting = new AbortController();
        const reader = (await traced(at("/endless"), { signal: aborting.signal })).body.getReader();
        await reader.read();
        aborting.abort();
        const reading = async () => {
          while (!(await reader.read()).done);
        };
        equal((await rejection(reading())).name, "AbortError");
        equal(shape(await endedSpan()), clientSpan(agent, "/endless"));
      },
      "an event stream that is cut is an error": async () => {
        const response = await traced(at("/cut"));
        await rejection(response.text());
        const attributes = { "error.type": on.errors.cut };
        equal(shape(await endedSpan()), clientSpan(agent, "/cut", { status: "ERROR", attributes }));
        return on.errors.cut;
      },
      "the span of a JSON response ends with its headers, on Node with its body": async () => {
        const response = await traced(at("/json-slowly"));
        equal(ownSpans().length, on.seesEnd ? 0 : 1, "ended with the headers");
        equal(await response.json(), { answer: 42 });
        equal(shape(await endedSpan()), clientSpan(agent, "/json-slowly"));
      },
      "the response is the very object that fetch has made, without properties of ours": async () => {
        const made = await platform(at("/ok"));
        equal((await wrapFetch(async () => made)(at("/ok"))) === made, true);
        equal(Reflect.ownKeys(made).map(String), Reflect.ownKeys(await platform(at("/ok"))).map(String));
      },
      "bytes are sent and received as they are, and the caller's init is left alone": async () => {
        const init = Object.freeze({
          method: "POST",
          body: BYTES,
          headers: Object.freeze({ "content-type": "application/x-own" }),
        });
        const response = await traced(at("/echo"), init);
        equal(response.headers.get("content-type"), "application/x-own");
        equal([...new Uint8Array(await response.arrayBuffer())], [...BYTES]);
        equal(shape(await endedSpan()), clientSpan(agent, "/echo", {}, "POST"));
      },
      "a Request keeps its method, headers and body": async () => {
        const request = new Request(at("/echo"), { method: "PUT", body: "of a request", headers: { "content-type": "text/own" } });
        const response = await traced(request);
        equal([response.headers.get("content-type"), await response.text()], ["text/own", "of a request"]);
        equal(shape(await endedSpan()), clientSpan(agent, "/echo", {}, "PUT"));
      },
      ...(on.uploads && {
        "a stream is sent as it is": async () => {
          const body = new ReadableStream({
            async pull(controller) {
              await sleep(10);
              controller.enqueue(BYTES);
              controller.close();
            },
          });
          const response = await traced(at("/echo"), { method: "POST", body, duplex: "half" });
          equal([...new Uint8Array(await response.arrayBuffer())], [...BYTES]);
          equal(shape(await endedSpan()), clientSpan(agent, "/echo", {}, "POST"));
        },
      }),
      "a redirect within the agent ends where it leads": async () => {
        const headers = await (await traced(at("/redirect"))).json();
        await until(() => ownSpans().length > 0, "a span has ended");
        const last = ownSpans().at(-1);
        equal(headers.traceparent, [traceparentOf(last)]);
        // Elsewhere than on Node the platform follows it out of sight.
        equal(ownSpans().length, on.seesEnd ? 2 : 1, "spans");
      },
      "propagateTo: others get no headers, and have their span": async () => {
        const headers = await (await wrapFetch(platform, { propagateTo: "agents.example" })(at("/headers"))).json();
        equal(headers.traceparent, undefined);
        equal(shape(await endedSpan()), clientSpan(agent, "/headers"));
      },
      ...(on.contexts && {
        "twenty calls at a time each belong to the span that they were made in, after awaiting": async () => {
          const calls = await Promise.all(
            Array.from({ length: 20 }, (_, index) =>
              inSpan(async () => {
                await sleep(index % 7);
                return (await traced(at("/headers"))).json();
              }),
            ),
          );
          const parents = new Map((await endedSpans(20)).map((span) => [traceparentOf(span), span.parentSpanContext?.spanId]));
          equal(
            calls.map(({ result }) => parents.get(result.traceparent[0])),
            calls.map(({ work }) => work.spanId),
          );
        },
      }),
    },
    forget,
  );
}
