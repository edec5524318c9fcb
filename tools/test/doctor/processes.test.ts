import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { FETCH, PROCESSES, SERVER, cli, diagnose, makeApp, sdk } from "./app.ts";

describe("an app that does not stay", PROCESSES, () => {
  test("throws at the start", async () => {
    const { code, ids, of, report, stderr } = await diagnose(`throw new TypeError("no database");`);
    expect([code, ids("error")]).toEqual([1, ["app"]]);
    expect(of("app")[0]?.message).toMatch(
      /app\.mjs threw \d\.\d s after its start, so it could not be looked at:\nTypeError: no database/,
    );
    expect(report).not.toHaveProperty("roundTrip");
    expect(stderr).toContain("TypeError: no database");
  });

  test.each([
    { what: "is no JavaScript", code: "this is no JavaScript", says: "SyntaxError" },
    { what: "imports what is not there", code: 'import "not-there";', says: "Cannot find package 'not-there'" },
    { what: "rejects", code: 'Promise.reject(new Error("late"));', says: "late" },
  ])("$what", async ({ code, says }) => {
    const diagnosis = await diagnose(code);
    expect(diagnosis.code).toBe(1);
    expect(diagnosis.of("app")[0]?.message).toContain(says);
  });

  test("calls process.exit()", async () => {
    const { code, of } = await diagnose("process.exit(0);");
    expect(code).toBe(1);
    expect(of("app")[0]?.message).toContain("app.mjs called process.exit(0)");
  });

  test("is not even run by its node", async () => {
    const { code, of } = await diagnose(SERVER, { args: ["--require", "./not-there.cjs"] });
    expect(code).toBe(1);
    expect(of("app")[0]?.message).toContain("Cannot find module './not-there.cjs'");
  });

  test("has nothing left to do: it is looked at then, and ends", async () => {
    const { code, of, report } = await diagnose(`${sdk()} startSdk(); ${FETCH}`, { args: ["--wait", "60000"] });
    expect(code).toBe(0);
    expect(of("app")[0]).toMatchObject({ level: "warning", message: expect.stringContaining("had nothing left to do") });
    expect(report.roundTrip?.parent).toBe("client span");
  });

  test("throws, and handles it itself", async () => {
    const { code, of } = await diagnose(
      `${sdk()} startSdk(); ${FETCH} ${SERVER} process.on("uncaughtException", () => {}); throw new Error("handled");`,
    );
    expect(code).toBe(0);
    expect(of("app-threw")[0]?.message).toContain("Error: handled");
  });
});

describe("an app that does not end", PROCESSES, () => {
  test("since its event loop never rests: it is ended in time", async () => {
    const { code, of } = await diagnose("for (;;);", { args: ["--timeout", "700"] });
    expect(code).toBe(1);
    expect(of("app")[0]?.message).toContain("did not come to rest within 0.7 s");
  });

  test("since it does not heed SIGTERM: it is killed", async () => {
    const { code } = await diagnose(`${sdk()} startSdk(); ${FETCH} ${SERVER} process.on("SIGTERM", () => {});`);
    expect(code).toBe(0);
  });

  test("shuts itself down in its own way", async () => {
    const { stderr } = await diagnose(`${SERVER} process.on("SIGTERM", () => { console.log("goodbye"); process.exit(0); });`);
    expect(stderr).toContain("goodbye");
  });
});

describe("whatever the app is written in", PROCESSES, () => {
  test("CommonJS, as its main module, with its arguments", async () => {
    const app = makeApp({
      "app.cjs": `require("a2a-otel/setup").setupPropagation(); require("a2a-otel/fetch").instrumentFetch();
        console.log(JSON.stringify([require.main === module, process.argv.slice(2), process.env.A2A_OTEL_DOCTOR ?? null]));
        require("node:http").createServer(() => {}).listen(0);`,
    });
    const { code, stderr, stdout } = await cli(["doctor", "--wait", "100", "app.cjs", "--", "--json", "x"], app.folder);
    app.remove();
    expect(code).toBe(0);
    expect(stderr).toContain('[true,["--json","x"],null]');
    expect(stdout).toMatch(/^a2a-otel doctor\n\nok {7}app\.cjs was looked at/);
    expect(stdout).toMatch(/\n0 errors, 1 warning\.\n$/);
  });

  test("TypeScript, in an ES module that awaits", async () => {
    const { code, report } = await diagnose(
      `import { setupPropagation } from "a2a-otel/setup"; const wait: number = 20;
       await new Promise((resolve) => setTimeout(resolve, wait)); setupPropagation(); ${FETCH} ${SERVER}`,
      { file: "src/app.mts" },
    );
    expect(code).toBe(0);
    expect(report.roundTrip?.sameTrace).toBe(true);
  });

  test("its workers and children are not looked at, and know of nothing", async () => {
    const { code, stderr } = await diagnose(
      `import { fork } from "node:child_process"; import { Worker, isMainThread } from "node:worker_threads";
       import { fileURLToPath } from "node:url"; import { setupPropagation } from "a2a-otel/setup";
       if (isMainThread && process.argv[2] === undefined) {
         setupPropagation(); ${FETCH.replace("import", "const").replace(" from ", " = await import(").replace('";', '");')} ${SERVER.replace(/import .*/, 'const { createServer } = await import("node:http");')}
         const file = fileURLToPath(import.meta.url);
         fork(file, ["child"]); new Worker(file);
       } else console.log(isMainThread ? "child" : "worker", process.env.A2A_OTEL_DOCTOR);`,
      { args: ["--wait", "600"] },
    );
    expect(code).toBe(0);
    expect(stderr).toContain("child undefined");
    expect(stderr).toContain("worker undefined");
  });

  test("an app without a2a-otel is looked at by the command's own copy", async () => {
    const app = makeApp({ "app.mjs": SERVER }, false);
    const { code, stdout } = await cli(["doctor", "--wait", "100", "./app"], app.folder);
    const { stdout: json } = await cli(["doctor", "--json", "--wait", "100", "app.mjs"], app.folder);
    app.remove();
    expect(code).toBe(2);
    expect(stdout).toBe("");
    expect(json).toContain("The app has no copy of a2a-otel with a doctor");
  });
});

test("the code in docs/doctor.md runs as it stands, and ends by itself", async () => {
  const { stderr } = await promisify(execFile)(process.execPath, ["tools/test/doctor/in-app.ts"], {
    env: { ...process.env, OTEL_PROPAGATORS: "" },
  });
  expect(stderr).toMatch(/^sdk No SDK is registered: no spans are recorded\..* .npm i @opentelemetry\/sdk-node. and start it/);
  expect(stderr.trim().split("\n")).toHaveLength(1);
});
