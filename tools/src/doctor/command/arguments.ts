import { parseArgs } from "node:util";

/** The arguments of `a2a-otel-cli doctor`. */
export interface DoctorArguments {
  readonly help: boolean;
  readonly json: boolean;
  readonly roundTrip: boolean;
  readonly flush: boolean;
  /** The milliseconds that the application has to start. */
  readonly wait: number;
  /** The milliseconds that the whole examination may take. */
  readonly timeout: number;
  /** The application's first file, as it was given. */
  readonly app: string | undefined;
  /** Options for the Node process that runs the application. */
  readonly nodeOptions: readonly string[];
  readonly appArguments: readonly string[];
}

export const DOCTOR_HELP = `a2a-otel-cli doctor [options] [app.js] [-- arguments of the app]

Starts the app in a process of its own, waits until it has started, examines how it handles traces, makes a call over loopback in that process,
reports what it found, and ends the app. Without an app, only the environment and the installed packages are examined.

  --wait <ms>       time that the app has to start; default 1000
  --timeout <ms>    time that the whole examination may take; default 30000
  --json            print the report as JSON
  --flush           make the SDK export its spans and report whether that succeeded; spans leave the machine
  --no-round-trip   make no call
  --help            show this help

Options of Node are passed to the app's process: a2a-otel-cli doctor --import ./tracing.js app.js

Exit code: 0 no errors (warnings do not count), 1 errors, 2 wrong arguments. The app's output goes to the standard error.
`;

const OWN_OPTIONS = {
  help: { type: "boolean", short: "h" },
  json: { type: "boolean" },
  flush: { type: "boolean" },
  "no-round-trip": { type: "boolean" },
  wait: { type: "string" },
  timeout: { type: "string" },
} as const;

/** Node's options whose value may be the next argument. The value of Node's other options follows an equals sign. */
const NODE_OPTIONS = {
  require: { type: "string", short: "r" },
  import: { type: "string" },
  loader: { type: "string" },
  "experimental-loader": { type: "string" },
  conditions: { type: "string", short: "C" },
  "env-file": { type: "string" },
  "env-file-if-exists": { type: "string" },
} as const;

/**
 * Parses the command's arguments.
 *
 * @throws Error whose message describes the wrong argument.
 */
export function parseArguments(args: readonly string[]): DoctorArguments {
  const options = { ...OWN_OPTIONS, ...NODE_OPTIONS };
  // Not strict, because the options of Node are not all known here.
  const { tokens } = parseArgs({ args: [...args], options, strict: false, allowPositionals: true, tokens: true });
  const end = tokens.find(({ kind }) => kind === "option-terminator")?.index ?? args.length;
  const own = tokens.filter(({ index }) => index < end);
  const given = new Map<string, string | undefined>();
  const apps: string[] = [];
  const nodeOptions: string[] = [];

  for (const token of own) {
    if (token.kind === "positional") apps.push(token.value);
    else if (token.kind === "option" && Object.hasOwn(OWN_OPTIONS, token.name)) given.set(token.name, token.value);
    else if (token.kind === "option") nodeOptions.push(...nodeOption(token));
  }
  const [app, second] = apps;
  if (second !== undefined) {
    throw new Error(`only one app can be examined, not "${app}" and "${second}"; arguments of the app follow --`);
  }
  return {
    help: given.has("help"),
    json: given.has("json"),
    flush: given.has("flush"),
    roundTrip: !given.has("no-round-trip"),
    wait: given.has("wait") ? parseMilliseconds("--wait", given.get("wait")) : 1000,
    timeout: given.has("timeout") ? parseMilliseconds("--timeout", given.get("timeout")) : 30_000,
    app,
    nodeOptions,
    appArguments: args.slice(end + 1),
  };
}

interface OptionToken {
  readonly name: string;
  readonly rawName: string;
  readonly value?: string | undefined;
  readonly inlineValue?: boolean | undefined;
}

/** An option of Node as it is passed on. */
function nodeOption({ name, rawName, value, inlineValue }: OptionToken): string[] {
  const argument = inlineValue === true ? `${rawName}=${value}` : rawName;
  const takesValue = Object.hasOwn(NODE_OPTIONS, name);
  if (!takesValue && !process.allowedNodeEnvironmentFlags.has(rawName)) throw new Error(`there is no option "${argument}"`);
  if (!takesValue || inlineValue === true) return [argument];
  if (value === undefined) throw new Error(`${argument} needs a value`);
  return [argument, value];
}

function parseMilliseconds(name: string, text: string | undefined): number {
  const number = text === undefined || text.trim() === "" ? Number.NaN : Number(text);
  if (number >= 0 && number <= 600_000) return number;
  const given = text === undefined ? "but it has no value" : `not "${text}"`;
  throw new Error(`${name} must be a number of milliseconds from 0 to 600000, ${given}`);
}
