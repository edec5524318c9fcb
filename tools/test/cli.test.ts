import { execFile } from "node:child_process";
import { chmodSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { OLDEST_NODE } from "../src/doctor/checks/runtime.ts";
import { parseArguments } from "../src/doctor/command/arguments.ts";
import { cli } from "./doctor/app.ts";

const manifest = JSON.parse(readFileSync("tools/package.json", "utf8")) as {
  version: string;
  bin: Record<string, string>;
  engines: { node: string };
};

const literal = (text: string): RegExp => new RegExp(text.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`));

test("the bin is a script that node runs", async () => {
  const file = join("tools", manifest.bin["a2a-otel-cli"] as string);
  expect(readFileSync(file, "utf8")).toMatch(/^#!\/usr\/bin\/env node\n/);
  // As npm does when it installs the package.
  chmodSync(file, 0o755);
  const { stdout } = await promisify(execFile)(file, ["--version"]);
  expect(stdout).toBe(`${manifest.version}\n`);
});

test("the oldest Node that the doctor accepts is that of package.json", () => {
  expect(manifest.engines.node).toBe(`>=${OLDEST_NODE}`);
});

test.each([
  { args: ["--version"], code: 0, stdout: `${manifest.version}\n`, stderr: "" },
  { args: ["--help"], code: 0, stdout: "a2a-otel-cli doctor [options] [app.js]", stderr: "" },
  { args: ["doctor", "--help"], code: 0, stdout: "--wait <ms>", stderr: "" },
  { args: [], code: 2, stdout: "", stderr: "a2a-otel-cli <command> --help" },
  {
    args: ["docter"],
    code: 2,
    stdout: "",
    stderr: 'a2a-otel-cli: there is no command "docter"; the commands are doctor, view. See a2a-otel-cli --help.\n',
  },
  { args: ["toString"], code: 2, stdout: "", stderr: 'there is no command "toString"' },
  {
    args: ["doctor", "--jsn"],
    code: 2,
    stdout: "",
    stderr: 'a2a-otel-cli doctor: there is no option "--jsn". See a2a-otel-cli doctor --help.\n',
  },
  { args: ["doctor", "not-there.js"], code: 2, stdout: "", stderr: 'there is no file "not-there.js"' },
])("a2a-otel $args: $code", async ({ args, code, stdout, stderr }) => {
  const run = await cli(args);
  expect(run.code).toBe(code);
  // Nothing at all where nothing is expected.
  expect(run.stdout).toMatch(stdout === "" ? /^$/ : literal(stdout));
  expect(run.stderr).toMatch(stderr === "" ? /^$/ : literal(stderr));
});

test("doctor without an app looks at the environment, and says what it cannot see", async () => {
  const { code, stdout } = await cli(["doctor"], undefined, { OTEL_EXPORTER_OTLP_ENDPOINT: "http://localhost:4317" });
  expect(code).toBe(0);
  expect(stdout).toContain("WARNING  No app was given");
  expect(stdout).toContain("WARNING  OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4317 is the port of gRPC");
  expect(stdout).not.toContain("context manager is registered");
});

const DEFAULTS = {
  help: false,
  json: false,
  roundTrip: true,
  flush: false,
  wait: 1000,
  timeout: 30_000,
  nodeOptions: [],
  appArguments: [],
};

test.each([
  { args: [], parsed: { ...DEFAULTS, app: undefined } },
  { args: ["app.js"], parsed: { ...DEFAULTS, app: "app.js" } },
  { args: ["app.js", "--wait", "5", "--json"], parsed: { ...DEFAULTS, app: "app.js", wait: 5, json: true } },
  {
    args: ["--wait=0", "--timeout=7", "--flush", "--no-round-trip", "a"],
    parsed: { ...DEFAULTS, app: "a", wait: 0, timeout: 7, flush: true, roundTrip: false },
  },
  {
    args: ["--import", "./tracing.js", "-r", "x", "--env-file=.env", "--enable-source-maps", "app.js", "--", "--json", "--", "y"],
    parsed: {
      ...DEFAULTS,
      app: "app.js",
      nodeOptions: ["--import", "./tracing.js", "-r", "x", "--env-file=.env", "--enable-source-maps"],
      appArguments: ["--json", "--", "y"],
    },
  },
])("the arguments $args", ({ args, parsed }) => {
  expect(parseArguments(args)).toEqual(parsed);
});

test.each([
  { args: ["a.js", "b.js"], says: 'one app at a time, not "a.js" and "b.js"; arguments of the app come after --' },
  { args: ["--wait", "soon"], says: '--wait needs milliseconds from 0 to 600000, not "soon"' },
  { args: ["--timeout"], says: "--timeout needs milliseconds from 0 to 600000, not nothing" },
  { args: ["--import"], says: "--import needs a value" },
  { args: ["--not-of-node"], says: 'there is no option "--not-of-node"' },
])("the arguments $args are wrong", ({ args, says }) => {
  expect(() => parseArguments(args)).toThrow(says);
});
