#!/usr/bin/env node
import { readFileSync } from "node:fs";

const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { version: string };

const HELP = `a2a-otel-cli ${version}: one trace across agents that call each other over HTTP

  a2a-otel-cli doctor [options] [app.js] [-- arguments of the app]
      starts the app, and says what is wrong with its traces
  a2a-otel-cli view [options]
      shows traces as they arrive

  a2a-otel-cli <command> --help    what a command takes
  a2a-otel-cli --version
`;

type Command = (args: string[]) => Promise<number | void> | number | void;

const COMMANDS: Record<string, () => Promise<Command>> = {
  doctor: async () => (await import("./doctor/command/command.ts")).doctorCommand,
  view: async () => (await import("./view/command.ts")).viewCommand,
};

async function main([name, ...args]: string[]): Promise<number | void> {
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    (name === undefined ? process.stderr : process.stdout).write(HELP);
    return name === undefined ? 2 : 0;
  }
  if (name === "--version" || name === "-v") {
    process.stdout.write(`${version}\n`);
    return 0;
  }
  if (!Object.hasOwn(COMMANDS, name)) {
    process.stderr.write(
      `a2a-otel-cli: there is no command "${name}"; the commands are ${Object.keys(COMMANDS).join(", ")}. See a2a-otel-cli --help.\n`,
    );
    return 2;
  }
  const command = await (COMMANDS[name] as () => Promise<Command>)();
  return command(args);
}

const code = await main(process.argv.slice(2));
if (typeof code === "number") process.exitCode = code;
