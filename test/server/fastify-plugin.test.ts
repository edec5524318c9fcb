import http from "node:http";
import http2 from "node:http2";
import fastify from "fastify";
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import { describe, expect, expectTypeOf, it } from "vitest";
import { traceRequests } from "../../src/server/fastify.ts";
import { traceRequests as wrap } from "../../src/server/node.ts";

const quiet = (): void => {};

describe("an invalid option fails the loading with a TypeError that names it", () => {
  const WRONG: [unknown, string][] = [
    [{ ignoreRequestHook: true }, 'traceRequests: option "ignoreRequestHook" must be a function, not true'],
    [{ trustProxy: "yes" }, 'traceRequests: option "trustProxy" must be true or false, not "yes"'],
    [{ incoming: "nope" }, 'traceRequests: option "incoming" must be one of'],
    [{ requestHooks: quiet }, 'traceRequests: there is no option "requestHooks"; the options are ignoreRequestHook'],
    [() => ({ acceptBaggage: "who" }), 'traceRequests: option "acceptBaggage" must be true or false'],
  ];
  const WAYS: [string, (app: FastifyInstance, options: object) => unknown][] = [
    ["await app.register()", async (app, options) => app.register(traceRequests, options)],
    ["app.ready()", (app, options) => app.register(traceRequests, options).ready()],
    ["app.listen()", (app, options) => app.register(traceRequests, options).listen({ port: 0 })],
    ["app.inject()", (app, options) => app.register(traceRequests, options).inject("/")],
  ];
  it.each(WRONG.flatMap(([wrong, message]) => WAYS.map(([way, load]) => ({ wrong, message, way, load }))))(
    "in $way: $message",
    async ({ wrong, message, load }) => {
      const error: unknown = await Promise.resolve(load(fastify(), wrong as object)).then(
        () => "it loads",
        (reason: unknown) => reason,
      );
      expect(error).toBeInstanceOf(TypeError);
      expect((error as Error).message).toContain(message);
    },
  );

  it("accepts the options of register() and undefined options", async () => {
    const options = { prefix: "/ignored", logLevel: "warn", logSerializers: {}, requestHook: undefined } as object;
    await expect(fastify().register(traceRequests, options).ready()).resolves.toBeDefined();
  });
});

describe("the plugin", () => {
  it("has a name that other plugins can depend on", async () => {
    const app = fastify();
    app.register(traceRequests);
    await app.ready();
    expect(app.hasPlugin("a2a-otel")).toBe(true);
    expect(app.printPlugins()).toContain("a2a-otel");
  });

  it("is rejected by other versions of fastify", async () => {
    const app = fastify();
    Object.defineProperty(app, "version", { value: "6.0.0" });
    await expect(async () => app.register(traceRequests)).rejects.toThrow(
      "fastify-plugin: a2a-otel - expected '>=5 <6' fastify version",
    );
  });

  it("has the types of every application", () => {
    const isHealth = (request: FastifyRequest): boolean => request.routeOptions.url === "/health";
    const plugin: FastifyPluginAsync = async (child) => {
      await child.register(traceRequests, { trustProxy: true });
    };
    const apps = [
      fastify().register(traceRequests),
      fastify().register(traceRequests, { ignoreRequestHook: isHealth, prefix: "/x" }),
      fastify().register(traceRequests, {
        incoming: (request) => {
          expectTypeOf(request).toEqualTypeOf<FastifyRequest>();
          return "link";
        },
        responseHook: (_span, { response }) => {
          expectTypeOf(response).toEqualTypeOf<FastifyReply>();
        },
      }),
      fastify().register(traceRequests, () => ({ incoming: "link" as const })),
      fastify({ logger: { level: "silent" } }).register(traceRequests, { ignoreRequestHook: isHealth }),
      fastify({ http2: true }).register(traceRequests, { ignoreRequestHook: isHealth }),
      fastify({ https: {} }).register(traceRequests, { ignoreRequestHook: isHealth }),
      fastify({ http2: true, https: {} }).register(traceRequests, { ignoreRequestHook: isHealth }),
      fastify().register(plugin),
      // @ts-expect-error -- an unknown option
      fastify().register(traceRequests, { nope: 1 }),
      // @ts-expect-error -- an invalid value
      fastify().register(traceRequests, { incoming: "nope" }),
    ];
    expect(apps).toHaveLength(11);
    const app = fastify();
    const app2 = fastify({ http2: true });
    const servers = [
      fastify({ serverFactory: (handler) => http.createServer(wrap(handler)) }).server,
      http.createServer(wrap((request, response) => app.routing(request, response))),
      http2.createServer(wrap((request, response) => app2.routing(request, response))),
    ];
    for (const one of servers) expect(one.listenerCount("request")).toBe(1);
  });
});
