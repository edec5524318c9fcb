import type { Task } from "@a2a-js/sdk";
import { Client } from "@a2a-js/sdk/client";
import type { CallInterceptor } from "@a2a-js/sdk/client";
import { DefaultRequestHandler } from "@a2a-js/sdk/server";
import type { A2ARequestHandler } from "@a2a-js/sdk/server";
import { SpanKind, context, trace } from "@opentelemetry/api";
import { suppressTracing } from "@opentelemetry/core";
import { afterAll, beforeEach, describe, expect, it, vi } from "vitest";
import { wrapA2AClient, wrapRequestHandler } from "../../src/a2a.ts";
import type { A2AOptions } from "../../src/a2a.ts";
import { clearGlobals, startTelemetry } from "../support/telemetry.ts";
import { connect, drain, plainClient, request, startAgent, tree } from "./agents.ts";

let telemetry = startTelemetry();
afterAll(() => telemetry.stop());
beforeEach(() => telemetry.reset());

it("keeps the class, the fields and the getters of a client, and wraps it once", async () => {
  const agent = await startAgent();
  const plain = await plainClient(agent);
  const client = wrapA2AClient(plain);
  expect(client).toBeInstanceOf(Client);
  expect(client.constructor).toBe(Client);
  expect(client.transport).toBe(plain.transport);
  expect(client.protocolVersion).toBe("1.0");
  expect(Object.keys(client)).toEqual(Object.keys(plain));
  expect(Reflect.get(client, "sendMessage")).toBe(Reflect.get(client, "sendMessage"));
  expect(client.sendMessage.name).toBe("sendMessage");
  expect(client.sendMessage.length).toBe(2);
  expect(wrapA2AClient(client)).toBe(client);
  await agent.close();
});

it("keeps the class of a handler, and wraps it once", async () => {
  const agent = await startAgent();
  expect(agent.handler).toBeInstanceOf(DefaultRequestHandler);
  expect(wrapRequestHandler(agent.handler)).toBe(agent.handler);
  await agent.close();
});

interface Wrapped {
  readonly sendMessage: () => never;
}

describe.each<[string, (value: Wrapped, options?: A2AOptions) => Wrapped]>([
  ["wrapA2AClient", wrapA2AClient],
  ["wrapRequestHandler", wrapRequestHandler],
])("%s() of what is wrapped already", (name, wrap) => {
  const plain = { sendMessage: noSpan };
  const wrapped = wrap(plain, { polling: "suppress", conversationBaggage: ["user.id"] });

  it("returns it if there are no options", () => {
    expect(wrap(wrapped)).toBe(wrapped);
    expect(wrap(wrapped, { polling: undefined })).toBe(wrapped);
  });

  it("returns it if the options are the same", () => {
    expect(wrap(wrapped, { conversationBaggage: ["user.id"], polling: "suppress" })).toBe(wrapped);
  });

  it.each<[string, A2AOptions]>([
    ["another value", { polling: "trace", conversationBaggage: ["user.id"] }],
    ["fewer options", { polling: "suppress" }],
    ["another list", { polling: "suppress", conversationBaggage: [] }],
  ])("throws for %s", (_, options) => {
    expect(() => wrap(wrapped, options)).toThrow(
      new TypeError(
        `${name}: the argument is wrapped already, with other options. Pass all options to the first call, or the original instead of what it returned.`,
      ),
    );
  });

  it("throws for options of a value that was wrapped without options", () => {
    expect(() => wrap(wrap(plain), { polling: "suppress" })).toThrow(TypeError);
  });

  it("throws for other options after the options object was changed", () => {
    const options: A2AOptions = { polling: "suppress" };
    const first = wrap(plain, options);
    options.polling = "trace";
    expect(() => wrap(first, options)).toThrow(TypeError);
  });

  it("wraps the original again with other options", () => {
    expect(wrap(plain, { polling: "trace" })).not.toBe(wrapped);
  });
});

/** The public methods of a class of the SDK. */
function methodsOf({ prototype }: { prototype: object }): string[] {
  return Object.entries(Object.getOwnPropertyDescriptors(prototype) as Record<string, PropertyDescriptor>).flatMap(
    ([name, { value }]) => (typeof value === "function" && name !== "constructor" && !name.startsWith("_") ? [name] : []),
  );
}

const INTERNAL = new Set([
  "applyClientConfig",
  "withNormalizedHeaders",
  "executeWithInterceptors",
  "interceptBefore",
  "interceptAfter",
]);

it.each(methodsOf(Client).filter((name) => !INTERNAL.has(name)))("follows %s of the client", async (name) => {
  const client = wrapA2AClient({ sendMessage: noSpan, [name]: activeSpan }) as unknown as Record<string, () => unknown>;
  const result = await client[name]?.();
  expect(await inStream(result)).toBeDefined();
});

it.each(methodsOf(DefaultRequestHandler).filter((name) => name !== "getAgentCard"))("follows %s of the handler", async (name) => {
  const handler = wrapRequestHandler({ sendMessage: noSpan, [name]: activeSpan }) as unknown as Record<string, () => unknown>;
  const result = await handler[name]?.();
  expect(await inStream(result)).toBeDefined();
});

function noSpan(): never {
  return expect.unreachable("this method must not be called");
}

const next = (): unknown => Promise.resolve({ done: true, value: trace.getActiveSpan() });

/** A method that returns the span that it runs in, as a result and as a stream. */
function activeSpan(): unknown {
  return { span: trace.getActiveSpan(), next, [Symbol.asyncIterator]: (): unknown => ({ next }) };
}

async function inStream(result: unknown): Promise<unknown> {
  const stream = result as { span: unknown; next: () => Promise<{ value: unknown }> };
  return stream.span ?? (await stream.next()).value;
}

it("passes methods of later versions, private members and assignments on to the original", async () => {
  class Later extends Client {
    #calls = 0;
    newMethod(): number {
      return ++this.#calls;
    }
    get calls(): number {
      return this.#calls;
    }
    override async sendMessage(...args: Parameters<Client["sendMessage"]>): ReturnType<Client["sendMessage"]> {
      this.#calls++;
      return super.sendMessage(...args);
    }
  }
  const agent = await startAgent();
  const { transport, config } = await plainClient(agent);
  const plain = new Later(transport, agent.card, config);
  const client = wrapA2AClient(plain);
  expect(client.newMethod()).toBe(1);
  await client.sendMessage(request());
  expect(client.calls).toBe(2);
  expect(plain.calls).toBe(2);
  Object.assign(client, { extra: 1 });
  expect(plain).toHaveProperty("extra", 1);
  await agent.close();
});

it("follows a frozen object with the methods of a handler", async () => {
  const agent = await startAgent({
    handler: (handler) =>
      Object.freeze({
        getAgentCard: () => handler.getAgentCard(),
        sendMessage: (...args: Parameters<A2ARequestHandler["sendMessage"]>) => handler.sendMessage(...args),
      }) as unknown as A2ARequestHandler,
  });
  await (await connect(agent)).sendMessage(request());
  await telemetry.settled();
  expect(tree(telemetry.spans())).toEqual(["CLIENT SendMessage", "  CLIENT POST", "    SERVER SendMessage"]);
  await agent.close();
});

it("calls and traces a method that is replaced later", async () => {
  const agent = await startAgent();
  const plain = await plainClient(agent);
  const client = wrapA2AClient(plain);
  const answer = {} as Task;
  vi.spyOn(plain, "getTask").mockResolvedValue(answer);
  expect(await client.getTask({ tenant: "", id: "t" })).toBe(answer);
  expect(tree(telemetry.spans())).toEqual(["CLIENT GetTask"]);
  await agent.close();
});

it("passes the same arguments to the client's interceptors", async () => {
  const agent = await startAgent();
  const seen: unknown[] = [];
  const interceptor: CallInterceptor = {
    before: async ({ input, options }) => void seen.push(input?.method, options?.serviceParameters),
    after: async ({ result }) => void seen.push(result?.method),
  };
  const options = Object.freeze({ serviceParameters: Object.freeze({ "x-own": "1" }) });
  const plain = await plainClient(agent, { interceptors: [interceptor] });
  await plain.sendMessage(Object.freeze(request()), options);
  const expected = seen.splice(0);
  await wrapA2AClient(plain).sendMessage(Object.freeze(request()), options);
  expect(seen).toEqual(expected);
  await agent.close();
});

it("keeps an unhandled rejection unhandled", async () => {
  const agent = await startAgent();
  const client = await connect(agent);
  const unhandled: unknown[] = [];
  const listeners = process.listeners("unhandledRejection");
  process.removeAllListeners("unhandledRejection");
  process.on("unhandledRejection", (error) => unhandled.push(error));
  void client.getTask({ tenant: "", id: "nowhere" });
  await vi.waitFor(() => expect(unhandled).toHaveLength(1));
  process.removeAllListeners("unhandledRejection");
  for (const listener of listeners) process.on("unhandledRejection", listener);
  await agent.close();
});

it("neither traces nor propagates suppressed calls", async () => {
  const agent = await startAgent();
  const client = await connect(agent);
  await context.with(suppressTracing(context.active()), () => client.sendMessage(request()));
  await context.with(suppressTracing(context.active()), () => drain(client.sendMessageStream(request())));
  await telemetry.settled();
  expect(telemetry.spans().map(({ kind, parentSpanContext }) => [kind, parentSpanContext])).toEqual([
    [SpanKind.SERVER, undefined],
    [SpanKind.SERVER, undefined],
  ]);
  await agent.close();
});

it("does not pass errors of telemetry on to the application", async () => {
  const agent = await startAgent();
  const broken = {
    getTracer: () => ({ startSpan: () => expect.unreachable("broken"), startActiveSpan: () => expect.unreachable() }),
  };
  const client = wrapA2AClient(await plainClient(agent), { tracerProvider: broken });
  expect(((await client.sendMessage(request())) as Task).status?.state).toBe(3);
  expect(await drain(client.sendMessageStream(request()))).toHaveLength(2);
  await agent.close();
});

it("works without a tracer", async () => {
  await telemetry.stop();
  clearGlobals();
  const agent = await startAgent();
  const client = await connect(agent);
  expect(((await client.sendMessage(request())) as Task).status?.state).toBe(3);
  expect(await drain(client.sendMessageStream(request()))).toHaveLength(2);
  telemetry = startTelemetry();
  await agent.close();
});

it.each([
  [() => wrapA2AClient({} as Client), "wrapA2AClient: client must be a client"],
  [() => wrapRequestHandler(undefined as never), "wrapRequestHandler: handler must be a request handler"],
  [
    () => wrapA2AClient({ sendMessage: noSpan }, { polling: "off" as never }),
    'option "polling" must be one of "trace", "suppress"',
  ],
  [() => wrapA2AClient({ sendMessage: noSpan }, { spans: true } as never), 'there is no option "spans"'],
  [() => wrapRequestHandler({ sendMessage: noSpan }, { conversationBaggage: "x" as never }), "an array of strings"],
])("throws for invalid arguments: %s", (wrap, text) => {
  expect(wrap).toThrow(text);
});
