import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { FETCH, PROCESSES, SERVER, cli, diagnose, makeApp, sdk } from "./app.ts";

describe("doctor, for an app that ends by itself", PROCESSES, () => {
  it("reports an error that the app throws at its start", async () => {
    const { of, report, stderr, summary } = await diagnose(`throw new TypeError("no database");`);
    expect(summary).toMatchObject({ code: 1, errors: ["app"] });
    expect(of("app")[0]?.message).toMatch(
      /app\.mjs threw an error \d\.\d s after its start, so it could not be examined:\nTypeError: no database/,
    );
    expect(report).not.toHaveProperty("roundTrip");
    expect(stderr).toContain("TypeError: no database");
  });

  it("removes credentials from an error that the app throws", async () => {
    const { of } = await diagnose(
      `throw new Error("cannot reach https://user:s3cret@db.example/?api_key=s3cret with password=s3cret");`,
    );
    expect(of("app")[0]?.message).toContain(
      "cannot reach https://REDACTED:REDACTED@db.example/?api_key=REDACTED with password=REDACTED",
    );
    expect(of("app")[0]?.message).not.toContain("s3cret");
  });

  it.each([
    { what: "a syntax error", code: "this is no JavaScript", says: "SyntaxError" },
    { what: "an import of a missing package", code: 'import "not-there";', says: "Cannot find package 'not-there'" },
    { what: "an unhandled rejection", code: 'Promise.reject(new Error("late"));', says: "late" },
  ])("reports $what", async ({ code, says }) => {
    const diagnosis = await diagnose(code);
    expect(diagnosis.code).toBe(1);
    expect(diagnosis.of("app")[0]?.message).toContain(says);
  });

  it("reports that the app called process.exit()", async () => {
    const { code, of } = await diagnose("process.exit(0);");
    expect(code).toBe(1);
    expect(of("app")[0]?.message).toContain("app.mjs called process.exit(0)");
  });

  it("reports that the app was not run because Node refused its options", async () => {
    const { code, of } = await diagnose(SERVER, { args: ["--require", "./not-there.cjs"] });
    expect(code).toBe(1);
    expect(of("app")[0]?.message).toContain("Cannot find module './not-there.cjs'");
  });

  it("examines an app that has nothing left to do", async () => {
    const { code, of, report } = await diagnose(`${sdk()} startSdk(); ${FETCH}`, { args: ["--wait", "60000"] });
    expect(code).toBe(0);
    expect(of("app")[0]).toMatchObject({ level: "warning", message: expect.stringContaining("had nothing left to do") });
    expect(report.roundTrip?.parent).toBe("client span");
  });

  it("reports an error that a handler of the app caught", async () => {
    const { code, of } = await diagnose(
      `${sdk()} startSdk(); ${FETCH} ${SERVER} process.on("uncaughtException", () => {}); throw new Error("handled");`,
    );
    expect(code).toBe(0);
    expect(of("app-threw")[0]?.message).toContain("Error: handled");
  });
});

describe("doctor, for an app that does not end", PROCESSES, () => {
  it("kills an app whose event loop is always busy", async () => {
    const { code, of } = await diagnose("for (;;);", { args: ["--timeout", "700"] });
    expect(code).toBe(1);
    expect(of("app")[0]?.message).toContain("kept its event loop busy for 0.7 s");
  });

  it("kills an app that ignores SIGTERM", async () => {
    const { code } = await diagnose(`${sdk()} startSdk(); ${FETCH} ${SERVER} process.on("SIGTERM", () => {});`);
    expect(code).toBe(0);
  });

  it("lets the app shut itself down", async () => {
    const { stderr } = await diagnose(`${SERVER} process.on("SIGTERM", () => { console.log("goodbye"); process.exit(0); });`);
    expect(stderr).toContain("goodbye");
  });
});

describe("doctor, for each kind of app", PROCESSES, () => {
  it("runs a CommonJS app as its main module, with its arguments", async () => {
    const app = makeApp({
      "app.cjs": `require("a2a-otel/setup").setupPropagation(); require("a2a-otel/fetch").instrumentFetch();
        console.log(JSON.stringify([require.main === module, process.argv.slice(2), process.env.A2A_OTEL_DOCTOR ?? null]));
        require("node:http").createServer(() => {}).listen(0);`,
    });
    const { code, stderr, stdout } = await cli(["doctor", "--wait", "100", "app.cjs", "--", "--json", "x"], app.folder);
    app.remove();
    expect(code).toBe(0);
    expect(stderr).toContain('[true,["--json","x"],null]');
    expect(stdout).toMatch(/^a2a-otel doctor\n\nok {7}app\.cjs was examined/);
    expect(stdout).toMatch(/\n0 errors, 1 warning\.\n$/);
  });

  it("runs a TypeScript app in an ES module with top-level await", async () => {
    const { code, report } = await diagnose(
      `import { setupPropagation } from "a2a-otel/setup"; const wait: number = 20;
       await new Promise((resolve) => setTimeout(resolve, wait)); setupPropagation(); ${FETCH} ${SERVER}`,
      { file: "src/app.mts" },
    );
    expect(code).toBe(0);
    expect(report.roundTrip?.sameTrace).toBe(true);
  });

  it("does not examine worker threads and child processes of the app", async () => {
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

  it("examines an app without a2a-otel through the doctor's own copy", async () => {
    const app = makeApp({ "app.mjs": SERVER }, false);
    const { code, stdout } = await cli(["doctor", "--wait", "100", "./app"], app.folder);
    const { stdout: json } = await cli(["doctor", "--json", "--wait", "100", "app.mjs"], app.folder);
    app.remove();
    expect(code).toBe(2);
    expect(stdout).toBe("");
    expect(json).toContain("The app has no copy of a2a-otel that the doctor can use");
  });
});

it("runs the code of docs/doctor.md, which ends by itself", async () => {
  const { stderr } = await promisify(execFile)(process.execPath, ["tools/test/doctor/in-app.ts"], {
    env: { ...process.env, OTEL_PROPAGATORS: "" },
  });
  expect(stderr).toMatch(
    /^sdk No SDK is registered, so no spans are recorded\..* run .npm i @opentelemetry\/sdk-node. and start the SDK/,
  );
  expect(stderr.trim().split("\n")).toHaveLength(1);
});
