import { mkdirSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { FETCH, PROCESSES, SERVER, diagnose, sdk } from "./app.ts";
import type { App, Diagnosis } from "./app.ts";

const modules = fileURLToPath(new URL("../../../node_modules", import.meta.url));
const install =
  (...names: string[]) =>
  (app: App): void => {
    for (const name of names) symlinkSync(realpathSync(join(modules, name)), join(app.folder, "node_modules", name));
  };

/** An agent on loopback that the app calls at its start, `host` and `url` in the code. */
const AGENT = `
  import { once } from "node:events";
  import { createServer, request } from "node:http";
  const agent = createServer((_, response) => response.end("agent")).listen(0, "127.0.0.1");
  await once(agent, "listening");
  const url = "http://127.0.0.1:" + agent.address().port + "/v1/chat/completions?key=secret";
`;
const viaHttp = `
  await new Promise((resolve) => request(url, { method: "POST" }, (response) => response.resume().on("end", resolve)).end());
`;
const viaFetch = "await (await fetch(url)).text();";

async function outbound(code: string, options?: Parameters<typeof diagnose>[1]): Promise<Diagnosis["report"]["findings"]> {
  return (await diagnose(code, options)).of("outbound");
}

describe("doctor, for the requests that an app makes while it starts", PROCESSES, () => {
  it("reports hosts that a client with a stored reference to fetch reaches untraced", async () => {
    const stored = "const { fetch: stored } = globalThis;";
    const [found] = await outbound(`${stored} ${sdk()} ${AGENT} startSdk(); ${FETCH} await (await stored(url)).text();`);
    expect(found?.level).toBe("error");
    expect(found?.message).toMatch(/without a trace while the app started, by fetch: 127\.0\.0\.1:\d+ \(1 of 1 request\)/);
    expect(found?.message).toContain("has stored a reference to fetch");
    expect(found?.message).not.toContain("secret");
    expect(found?.remedy).toContain("a2a-otel/register");
  });

  it("reports hosts that are reached untraced through node:http and through a dispatcher", async () => {
    const code = `import { Agent, request as undiciRequest } from "undici"; ${sdk()} ${AGENT} startSdk(); ${FETCH} ${viaHttp}
      await (await undiciRequest(url, { dispatcher: new Agent() })).body.text(); ${viaFetch}`;
    const findings = await outbound(code, { prepare: install("undici") });
    expect(findings.map(({ level }) => level)).toEqual(["error", "error"]);
    const clients = findings.map(({ message }) => /by (\S+):/.exec(message)?.[1]);
    expect(new Set(clients)).toEqual(new Set(["node:http", "undici"]));
  });

  it("reports no host under register, which covers all of these clients", async () => {
    const code = `const { fetch: stored } = globalThis; ${sdk()} ${AGENT} startSdk(); ${viaHttp} ${viaFetch} await (await stored(url)).text();`;
    const diagnosis = await diagnose(code, { args: ["--import", "a2a-otel/register"] });
    expect(diagnosis.summary.errors).toEqual([]);
    expect(diagnosis.of("outbound")[0]?.message).toMatch(/All requests carried the trace/);
  });

  it("reports no host that a policy excludes", async () => {
    const code = `import { instrumentFetch } from "a2a-otel/fetch"; ${sdk()} ${AGENT} startSdk();
      instrumentFetch({ propagateTo: "*.agents.example" }); ${viaFetch}`;
    expect((await outbound(code)).map(({ level }) => level)).toEqual(["ok"]);
  });

  it("reports no host to which telemetry is exported", async () => {
    const code = `${sdk()} ${AGENT} startSdk(); ${FETCH} url.pathname;
      await new Promise((resolve) => request(new URL("/v1/traces", url), { method: "POST" }, (response) => response.resume().on("end", resolve)).end());`;
    expect((await outbound(code)).map(({ message }) => message)).toEqual([expect.stringContaining("made no outbound request")]);
  });

  it("warns without an SDK only if nothing instruments the client", async () => {
    const bare = await outbound(`${AGENT} ${viaHttp}`);
    const covered = await outbound(`${AGENT} ${FETCH} ${viaFetch}`);
    expect(bare.map(({ level }) => level)).toEqual(["warning"]);
    expect(covered.map(({ level }) => level)).toEqual(["ok"]);
  });
});

describe("doctor, under a2a-otel/register", PROCESSES, () => {
  const code = `${sdk({ manager: "undefined" })} startSdk(); ${SERVER}`;

  it("reports no error if it makes no call", async () => {
    const { summary } = await diagnose(code, { args: ["--no-round-trip", "--import", "a2a-otel/register"] });
    expect(summary).toMatchObject({ code: 0, errors: [] });
  });

  it("reports no error if calls go through a proxy", async () => {
    const env = { HTTP_PROXY: "http://127.0.0.1:9", NODE_USE_ENV_PROXY: "1" };
    const { summary, of } = await diagnose(code, { args: ["--import", "a2a-otel/register"], env });
    expect(summary).toMatchObject({ code: 0, errors: [] });
    expect(of("round-trip")[0]?.message).toContain("it would go through the proxy in HTTP_PROXY");
  });
});

/** Puts a package with a name and a version into an app's `node_modules`. */
const fake =
  (name: string, version: string) =>
  (app: App): void => {
    const folder = join(app.folder, "node_modules", name);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "package.json"), JSON.stringify({ name, version, type: "module", main: "index.js" }));
    writeFileSync(join(folder, "index.js"), "export {};");
  };

describe("doctor, for frameworks", PROCESSES, () => {
  it.each([
    { version: "5.0.41", instrument: FETCH, ids: ["ai-sdk-guard"] },
    { version: "4.0.56", instrument: FETCH, ids: ["ai-sdk-guard"] },
    { version: "4.0.57", instrument: FETCH, ids: [] },
    { version: "5.0.42", instrument: FETCH, ids: [] },
    { version: "5.0.41", instrument: 'import { instrumentNode } from "a2a-otel/node"; instrumentNode();', ids: [] },
  ])("reports AI SDK $version only if its guard is off", async ({ version, instrument, ids }) => {
    const code = `import "@ai-sdk/provider-utils"; ${sdk()} startSdk(); ${instrument} ${SERVER}`;
    const { summary, report } = await diagnose(code, { prepare: fake("@ai-sdk/provider-utils", version) });
    expect(report.findings.filter(({ id }) => id === "ai-sdk-guard").map(({ id }) => id)).toEqual(ids);
    expect(summary.errors).toEqual([]);
  });

  it.each([
    { detection: "", levels: ["warning"] },
    { detection: "globalThis.__genkit_disableRootSpanDetection = true;", levels: [] },
  ])("reports that Genkit begins traces of its own, unless that is disabled ($detection)", async ({ detection, levels }) => {
    const code = `import "@genkit-ai/core"; ${detection} ${sdk()} startSdk(); ${FETCH} ${SERVER}`;
    const { of } = await diagnose(code, { prepare: fake("@genkit-ai/core", "1.42.0") });
    expect(of("genkit").map(({ level }) => level)).toEqual(levels);
  });

  it.each([
    { order: ["otel", "ours"], levels: ["warning"] },
    { order: ["ours", "otel"], levels: [] },
  ])("reports @fastify/otel that is registered first (order $order)", async ({ order, levels }) => {
    const plugins = order.map((name) =>
      name === "otel" ? "await app.register(new FastifyOtelInstrumentation().plugin());" : "await app.register(traceRequests);",
    );
    const code = `import Fastify from "fastify"; import { FastifyOtelInstrumentation } from "@fastify/otel";
      import { traceRequests } from "a2a-otel/server/fastify"; ${sdk()} startSdk(); ${FETCH}
      const app = Fastify(); ${plugins.join(" ")} await app.listen({ port: 0, host: "127.0.0.1" });`;
    const prepare = (app: App): void => {
      mkdirSync(join(app.folder, "node_modules/@fastify"), { recursive: true });
      install("fastify", "@fastify/otel")(app);
    };
    const { of } = await diagnose(code, { prepare });
    expect(of("fastify-otel").map(({ level }) => level)).toEqual(levels);
  });
});
