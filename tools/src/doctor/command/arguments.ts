/** What `a2a-otel-cli doctor` was told. */
export interface DoctorArguments {
  readonly help: boolean;
  readonly json: boolean;
  readonly roundTrip: boolean;
  readonly flush: boolean;
  /** The milliseconds that the app has to start up in. */
  readonly wait: number;
  /** The milliseconds that all of it may take. */
  readonly timeout: number;
  /** The app's first file, as it was given. */
  readonly app: string | undefined;
  /** Options for the node that runs the app. */
  readonly nodeOptions: readonly string[];
  readonly appArguments: readonly string[];
}

export const DOCTOR_HELP = `a2a-otel-cli doctor [options] [app.js] [-- arguments of the app]

Starts the app in a process of its own, lets it start up, looks at what it does with traces, makes a call over loopback inside it, says what came
out, and ends it. Without an app only the environment and the installed packages are looked at.

  --wait <ms>       how long the app has to start up; default 1000
  --timeout <ms>    how long all of it may take; default 30000
  --json            the report as JSON
  --flush           have the SDK export at the end, and say whether that worked: spans leave the machine
  --no-round-trip   make no call
  --help            this text

Options of node go to the app's node: a2a-otel-cli doctor --import ./tracing.js app.js

Exit code: 0 no errors (warnings do not count), 1 errors, 2 wrong use. The app's own output goes to the standard error.
`;

// Node's options that take their value as the next argument; with others it is behind an equals sign, or there is none.
const WITH_VALUE = new Set([
  "-r",
  "--require",
  "--import",
  "--loader",
  "--experimental-loader",
  "-C",
  "--conditions",
  "--env-file",
  "--env-file-if-exists",
]);
// These are not among what NODE_OPTIONS may have, by which node tells its options.
const ALSO_OF_NODE = /^--(?:env-file|env-file-if-exists)$/;

/**
 * Reads the command's arguments.
 *
 * @throws Error whose message says what is wrong with them.
 */
export function parseArguments(args: readonly string[]): DoctorArguments {
  const flags = { help: false, json: false, roundTrip: true, flush: false };
  const numbers = { wait: 1000, timeout: 30_000 };
  const nodeOptions: string[] = [];
  let app: string | undefined;
  const end = args.indexOf("--");
  const own = end === -1 ? [...args] : args.slice(0, end);

  while (own.length > 0) {
    const argument = own.shift() as string;
    const [name, value] = split(argument);
    if (name === "--help" || name === "-h") flags.help = true;
    else if (name === "--json") flags.json = true;
    else if (name === "--flush") flags.flush = true;
    else if (name === "--no-round-trip") flags.roundTrip = false;
    else if (name === "--wait" || name === "--timeout") {
      numbers[name.slice(2) as keyof typeof numbers] = milliseconds(name, value ?? own.shift());
    } else if (!argument.startsWith("-")) {
      if (app !== undefined)
        throw new Error(`one app at a time, not "${app}" and "${argument}"; arguments of the app come after --`);
      app = argument;
    } else if (isOfNode(name)) {
      nodeOptions.push(argument);
      if (!WITH_VALUE.has(argument)) continue;
      const next = own.shift();
      if (next === undefined) throw new Error(`${argument} needs a value`);
      nodeOptions.push(next);
    } else throw new Error(`there is no option "${argument}"`);
  }
  return { ...flags, ...numbers, app, nodeOptions, appArguments: end === -1 ? [] : args.slice(end + 1) };
}

function split(argument: string): [name: string, value: string | undefined] {
  const equals = argument.startsWith("--") ? argument.indexOf("=") : -1;
  return equals === -1 ? [argument, undefined] : [argument.slice(0, equals), argument.slice(equals + 1)];
}

function milliseconds(name: string, text: string | undefined): number {
  const number = text === undefined || text.trim() === "" ? Number.NaN : Number(text);
  if (number >= 0 && number <= 600_000) return number;
  throw new Error(`${name} needs milliseconds from 0 to 600000, not ${text === undefined ? "nothing" : `"${text}"`}`);
}

const isOfNode = (name: string): boolean =>
  process.allowedNodeEnvironmentFlags.has(name) || WITH_VALUE.has(name) || ALSO_OF_NODE.test(name);
