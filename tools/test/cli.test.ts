import { execFile } from "node:child_process";
import { chmodSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { OLDEST_NODE } from "../src/doctor/checks/runtime.ts";
import { parseArguments } from "../src/doctor/command/arguments.ts";
import { cli } from "./doctor/app.ts";

const manifest = JSON.parse(readFileSync("tools/package.json", "utf8")) as {
  version: string;
  bin: Record<string, string>;
  engines: { node: string };
};

const literal = (text: string): RegExp => new RegExp(text.replaceAll(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`));

it("has a bin that is an executable script", async () => {
  const file = join("tools", manifest.bin["a2a-otel-cli"] as string);
  expect(readFileSync(file, "utf8")).toMatch(/^#!\/usr\/bin\/env node\n/);
  // As npm does when it installs the package.
  chmodSync(file, 0o755);
  const { stdout } = await promisify(execFile)(file, ["--version"]);
  expect(stdout).toBe(`${manifest.version}\n`);
});

it("accepts the same versions of Node in the doctor as in package.json", () => {
  expect(manifest.engines.node).toBe(`>=${OLDEST_NODE}`);
});

it.each([
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
])("exits with $code for the arguments $args", async ({ args, code, stdout, stderr }) => {
  const run = await cli(args);
  expect(run.code).toBe(code);
  // An empty string means that nothing is printed.
  expect(run.stdout).toMatch(stdout === "" ? /^$/ : literal(stdout));
  expect(run.stderr).toMatch(stderr === "" ? /^$/ : literal(stderr));
});

it("examines the environment if doctor is called without an app", async () => {
  const { code, stdout } = await cli(["doctor"], undefined, { OTEL_EXPORTER_OTLP_ENDPOINT: "http://localhost:4317" });
  expect(code).toBe(0);
  expect(stdout).toContain("WARNING  No app was given");
  expect(stdout).toContain("WARNING  OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4317 uses the port of OTLP over gRPC");
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

it.each([
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
])("parses the arguments $args", ({ args, parsed }) => {
  expect(parseArguments(args)).toEqual(parsed);
});

it.each([
  { args: ["a.js", "b.js"], says: 'only one app can be examined, not "a.js" and "b.js"; arguments of the app follow --' },
  { args: ["--wait", "soon"], says: '--wait must be a number of milliseconds from 0 to 600000, not "soon"' },
  { args: ["--timeout"], says: "--timeout must be a number of milliseconds from 0 to 600000, but it has no value" },
  { args: ["--import"], says: "--import needs a value" },
  { args: ["--not-of-node"], says: 'there is no option "--not-of-node"' },
])("rejects the arguments $args", ({ args, says }) => {
  expect(() => parseArguments(args)).toThrow(says);
});
