import { once } from "node:events";
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { parsePrices } from "./prices.ts";
import type { Prices } from "./prices.ts";
import { DEFAULTS, startView } from "./server.ts";
import type { View, ViewOptions } from "./server.ts";

const HELP = `Usage: a2a-otel-cli view [options]

Receives traces over OTLP/HTTP (protobuf or JSON) on this machine, keeps the newest in memory, and shows them in the browser.

Options:
  --port <number>        port on 127.0.0.1; default ${DEFAULTS.port}, the default of exporters; 0 for any free port
  --max-traces <number>  number of traces kept, the newest; default ${DEFAULTS.maxTraces}
  --max-spans <number>   number of spans kept of each trace, the first; default ${DEFAULTS.maxSpansPerTrace}
  --prices <file>        JSON file with the prices of models, to compute costs:
                         {"currency":"USD","models":{"a-model":{"input":1.25,"cachedInput":0.125,"output":10}}}
                         for a million tokens; a name that ends with * matches all names with that prefix
  --help                 show this help

Exit code: 0 stopped by Ctrl+C or a signal, 1 it could not start, 2 wrong arguments.
`;

const OPTIONS = {
  port: { type: "string" },
  "max-traces": { type: "string" },
  "max-spans": { type: "string" },
  prices: { type: "string" },
  help: { type: "boolean", short: "h" },
} as const;

/**
 * `a2a-otel-cli view`: runs the receiver and its page until the process receives SIGINT or SIGTERM. It prints to the console.
 *
 * @param args the arguments after `view`.
 * @returns the exit code: 0 if it was stopped, 1 if it could not start, 2 for wrong arguments.
 */
export async function viewCommand(args: readonly string[]): Promise<number> {
  let options: ViewOptions | "help";
  try {
    options = readOptions(args);
  } catch (error) {
    console.error(`a2a-otel-cli view: ${(error as Error).message}\nTry a2a-otel-cli view --help.`);
    return 2;
  }
  if (options === "help") {
    console.log(HELP);
    return 0;
  }
  let view: View;
  try {
    view = await startView({ ...options, log: (line) => console.error(line) });
  } catch (error) {
    console.error(`a2a-otel-cli view: ${startProblem(error as NodeJS.ErrnoException, options.port ?? DEFAULTS.port)}`);
    return 1;
  }
  console.log(welcome(view.url));
  const ended = new AbortController();
  await Promise.race(["SIGINT", "SIGTERM"].map((name) => once(process, name, { signal: ended.signal })));
  // Without these handlers, a second Ctrl+C ends the process at once.
  ended.abort();
  await view.close();
  return 0;
}

function welcome(url: string): string {
  return `Open ${url} to see the received traces. Press Ctrl+C to stop.

Set these variables for your agents:
  OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
  OTEL_EXPORTER_OTLP_ENDPOINT=${url}
`;
}

function readOptions(args: readonly string[]): ViewOptions | "help" {
  const { values } = parseArgs({ args: [...args], options: OPTIONS, strict: true, allowPositionals: false });
  if (values.help === true) return "help";
  return {
    ...(values.port !== undefined && { port: integer("--port", values.port, 0, 65_535) }),
    ...(values["max-traces"] !== undefined && { maxTraces: integer("--max-traces", values["max-traces"], 1) }),
    ...(values["max-spans"] !== undefined && { maxSpansPerTrace: integer("--max-spans", values["max-spans"], 1) }),
    ...(values.prices !== undefined && { prices: readPrices(values.prices) }),
  };
}

function integer(name: string, value: string, least: number, most = Number.MAX_SAFE_INTEGER): number {
  const number = Number(value);
  if (/^\d+$/.test(value) && number >= least && number <= most) return number;
  const range = most === Number.MAX_SAFE_INTEGER ? `${least} or more` : `${least} to ${most}`;
  throw new Error(`${name} is ${JSON.stringify(value)}, but must be an integer, ${range}`);
}

function readPrices(file: string): Prices {
  try {
    return parsePrices(JSON.parse(readFileSync(file, "utf8")));
  } catch (error) {
    throw new Error(`--prices ${file}: ${(error as Error).message}`, { cause: error });
  }
}

function startProblem({ code, message }: NodeJS.ErrnoException, port: number): string {
  if (code === "EADDRINUSE") {
    return `port ${port} is in use, possibly by another a2a-otel-cli view or by a collector. Use another port, such as --port ${port === 65_535 ? 4319 : port + 1}, or --port 0 for any free port.`;
  }
  if (code === "EACCES") return `port ${port} requires more privileges. Use a port from 1024, such as --port 4318.`;
  return message;
}
