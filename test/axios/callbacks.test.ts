import { createRequire } from "node:module";
import { Agent } from "node:http";
import { Readable } from "node:stream";
import { context, createContextKey, trace } from "@opentelemetry/api";
import { isTracingSuppressed } from "@opentelemetry/core";
import { HttpInstrumentation } from "@opentelemetry/instrumentation-http";
import { create } from "axios";
import type { AxiosInstance } from "axios";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { isHttpPatched } from "../../src/clients/axios/transport.ts";
import { instrumentAxios } from "../../src/axios.ts";
import { ROUTES, serve } from "../support/server.ts";
import type { TestServer } from "../support/server.ts";
import { startTelemetry } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";

const load = createRequire(import.meta.url);
const foreign = new HttpInstrumentation({ enabled: false, disableIncomingRequestInstrumentation: true });
const KEY = createContextKey("application");
const tracer = (): ReturnType<typeof trace.getTracer> => trace.getTracer("application");

let server: TestServer;
let telemetry: TestTelemetry;
let instance: AxiosInstance;
let found: Map<string, unknown>;

beforeAll(async () => {
  server = await serve(ROUTES);
});
afterAll(() => server.close());
beforeEach(() => {
  telemetry = startTelemetry();
  instance = create();
  found = new Map();
});
afterEach(async () => {
  foreign.disable();
  await telemetry.stop();
});

function enableForeign(): void {
  foreign.setTracerProvider(trace.getTracerProvider());
  foreign.enable();
  load("node:http");
  load("node:https");
}

const CONTEXT_OF_CALLER = { suppressed: false, value: "the caller's", recorded: true, nested: true, active: "application" };

/** Records the context that a callback of the application's runs in, and whether spans that it starts are recorded in its trace. */
function look(name: string): void {
  const active = context.active();
  const span = trace.getActiveSpan() as { name?: string } | undefined;
  const suppressed = isTracingSuppressed(active);
  tracer().startActiveSpan(name, (own) => {
    tracer().startActiveSpan("nested", (nested) => {
      found.set(name, {
        suppressed,
        value: active.getValue(KEY),
        recorded: own.isRecording(),
        nested: nested.isRecording(),
        active: span?.name,
      });
      nested.end();
    });
    own.end();
  });
}

/** Makes a call in a span of the application's, with a value of the application's in the context. */
async function fromApplication(call: () => Promise<unknown>): Promise<void> {
  await tracer().startActiveSpan("application", async (span) => {
    await context.with(context.active().setValue(KEY, "the caller's"), call);
    span.end();
  });
}

class LookingAgent extends Agent {
  override createConnection(...args: Parameters<Agent["createConnection"]>): ReturnType<Agent["createConnection"]> {
    look("createConnection");
    return super.createConnection(...args);
  }
}

function expectAll(...names: string[]): void {
  expect(Object.fromEntries(found)).toEqual(Object.fromEntries(names.map((name) => [name, CONTEXT_OF_CALLER])));
}

async function* slowBody(): AsyncGenerator<string> {
  look("body");
  await new Promise((resolve) => setTimeout(resolve, 5));
  look("body, later");
  yield "some body";
}

async function* body(): AsyncGenerator<Uint8Array> {
  look("body");
  yield new TextEncoder().encode("some body");
}

describe.each(["nowhere", "before", "after"] as const)(
  "with other instrumentation registered %s, the application's code runs in the caller's context in",
  (order) => {
    beforeEach(() => {
      if (order === "before") enableForeign();
      instrumentAxios(instance);
      if (order === "after") enableForeign();
    });

    it("all callbacks of the http adapter", async () => {
      await fromApplication(async () => {
        const { data } = await instance.post<Readable>(
          `http://agent.example:${server.port}/redirect-307`,
          Readable.from(slowBody()),
          {
            responseType: "stream",
            httpAgent: new LookingAgent(),
            params: { x: 1 },
            transformRequest: (given: unknown) => {
              look("transformRequest");
              return given;
            },
            paramsSerializer: () => {
              look("paramsSerializer");
              return "x=1";
            },
            lookup: (_host: string, _options: object, done: (error: null, address: string, family: 4) => void) => {
              look("lookup");
              done(null, "127.0.0.1", 4);
            },
            beforeRedirect: () => look("beforeRedirect"),
            onUploadProgress: () => look("onUploadProgress"),
            onDownloadProgress: () => look("onDownloadProgress"),
            validateStatus: () => {
              look("validateStatus");
              return true;
            },
          },
        );
        data.on("data", () => look("data"));
        await new Promise((resolve) => data.on("end", resolve));
        look("after the end");
      });
      expectAll(
        "transformRequest",
        "paramsSerializer",
        "createConnection",
        "lookup",
        "body",
        "body, later",
        "onUploadProgress",
        "beforeRedirect",
        "validateStatus",
        "onDownloadProgress",
        "data",
        "after the end",
      );
      await telemetry.settled();
      expect(telemetry.own()).toHaveLength(2);
      expect(isHttpPatched()).toBe(order !== "nowhere");
    });

    it("all callbacks of the fetch adapter", async () => {
      await fromApplication(async () => {
        const { data } = await instance.post<string>(`${server.url}/echo`, Readable.toWeb(Readable.from(body())), {
          adapter: "fetch",
          onUploadProgress: () => look("onUploadProgress"),
          onDownloadProgress: () => look("onDownloadProgress"),
          validateStatus: () => {
            look("validateStatus");
            return true;
          },
        });
        expect(data).toBe("some body");
      });
      expectAll("body", "onUploadProgress", "validateStatus", "onDownloadProgress");
      await telemetry.settled();
      expect(telemetry.own()).toHaveLength(1);
    });

    it("a fetch function of its own, but in an adapter of its own in the call's span if there is other instrumentation", async () => {
      await fromApplication(async () => {
        await instance.get(`${server.url}/ok`, {
          adapter: async (config) => {
            look("adapter");
            await Promise.resolve();
            look("adapter, later");
            return { data: "", status: 200, statusText: "", headers: {}, config };
          },
        });
        await instance.get(`${server.url}/ok`, {
          adapter: "fetch",
          env: {
            fetch: async () => {
              look("fetch");
              await Promise.resolve();
              look("fetch, later");
              return new Response("ok");
            },
          },
        });
      });
      for (const name of ["adapter", "adapter, later"])
        expect(found.get(name)).toEqual({ ...CONTEXT_OF_CALLER, active: order === "nowhere" ? "application" : "GET" });
      found.delete("adapter");
      found.delete("adapter, later");
      expectAll("fetch", "fetch, later");
      await telemetry.settled();
      expect(telemetry.own()).toHaveLength(2);
    });
  },
);
