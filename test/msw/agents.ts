import { trace } from "@opentelemetry/api";
import { HttpResponse, delay, http, passthrough } from "msw";
import { setupServer } from "msw/node";

/** A host that only msw answers for. */
export const AGENT = "https://agents.example";

/** Agents that msw mocks, and what they received. */
export interface MockedAgents {
  readonly listen: () => void;
  readonly close: () => void;
  /** The `traceparent` of each request to a mocked host. */
  readonly seen: (string | null)[];
  /** Lets the stream at `/gated` go on to its end. */
  open: () => void;
  /** How `/onward` calls on. */
  callOn: () => Promise<{ body: string }>;
}

function stream(pull: (controller: ReadableStreamDefaultController<Uint8Array>, count: number) => Promise<void>): Response {
  let count = 0;
  const body = new ReadableStream<Uint8Array>({ pull: (controller) => pull(controller, count++) });
  return new HttpResponse(body, { headers: { "content-type": "text/event-stream" } });
}

const chunk = (data: string): Uint8Array => Buffer.from(`data: ${data}\n\n`);

export function mockAgents(): MockedAgents {
  const mock = setupServer(
    http.all(/^https:\/\/([\w-]+\.)?agents\.example\//, ({ request }) => {
      agents.seen.push(request.headers.get("traceparent"));
    }),
    http.get(`${AGENT}/card`, () => HttpResponse.json({ name: "mocked" })),
    http.post(`${AGENT}/echo`, async ({ request }) => HttpResponse.text(await request.text())),
    http.get(`${AGENT}/500`, () => HttpResponse.text("broken", { status: 500 })),
    http.get(`${AGENT}/error`, () => HttpResponse.error()),
    http.get(`${AGENT}/never`, () => delay("infinite")),
    http.get(`${AGENT}/gated`, () => {
      const gate = new Promise<void>((resolve) => (agents.open = resolve));
      return stream(async (controller, count) => {
        if (count > 0) await gate;
        controller.enqueue(chunk(count === 0 ? "first" : "last"));
        if (count > 0) controller.close();
      });
    }),
    http.get(`${AGENT}/endless`, () =>
      stream(async (controller) => {
        await delay(5);
        controller.enqueue(chunk("more"));
      }),
    ),
    http.get(`${AGENT}/cut`, () =>
      stream(async (controller, count) => {
        await delay(5);
        if (count === 0) controller.enqueue(chunk("first"));
        else controller.error(new Error("cut"));
      }),
    ),
    http.get("https://*.agents.example/onward", async () => {
      trace.getTracer("application").startSpan("in the handler").end();
      return HttpResponse.text((await agents.callOn()).body);
    }),
    http.get(/\/passed$/, () => passthrough()),
    http.get(/\/captured$/, () => HttpResponse.text("mocked")),
  );
  const agents: MockedAgents = {
    listen: () => mock.listen({ onUnhandledFrame: "bypass" }),
    close: () => mock.close(),
    seen: [],
    open: () => {},
    callOn: () => Promise.reject(new Error("no agent to call")),
  };
  return agents;
}
