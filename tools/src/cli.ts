#!/usr/bin/env node
import { readFileSync } from "node:fs";

const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { version: string };

const HELP = `a2a-otel-cli ${version}: tools for distributed tracing with a2a-otel

  a2a-otel-cli doctor [options] [app.js] [-- arguments of the app]
      starts the app and reports what is wrong with its traces
  a2a-otel-cli view [options]
      receives traces and shows them in the browser

  a2a-otel-cli <command> --help    shows the options of a command
  a2a-otel-cli --version           shows the version
`;

type Command = (args: string[]) => Promise<number>;

const COMMANDS: Record<string, () => Promise<Command>> = {
  doctor: async () => (await import("./doctor/command/command.ts")).doctorCommand,
  view: async () => (await import("./view/command.ts")).viewCommand,
};

async function main([name, ...args]: string[]): Promise<number> {
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    (name === undefined ? process.stderr : process.stdout).write(HELP);
    return name === undefined ? 2 : 0;
  }
  if (name === "--version" || name === "-v") {
    process.stdout.write(`${version}\n`);
    return 0;
  }
  if (!Object.hasOwn(COMMANDS, name)) {
    const names = Object.keys(COMMANDS).join(", ");
    process.stderr.write(`a2a-otel-cli: there is no command "${name}"; the commands are ${names}. See a2a-otel-cli --help.\n`);
    return 2;
  }
  const command = await (COMMANDS[name] as () => Promise<Command>)();
  return command(args);
}

process.exitCode = await main(process.argv.slice(2));
