// npm run test:soak: a million calls beside open event streams, with this library and without it. Takes minutes.
//   SOAK_CALLS      total number of calls with this library; default: 1000000
//   SOAK_IN_FLIGHT  how many at a time; default: 1000
//   SOAK_STREAMS    event streams that are open meanwhile; default: 1000
//   SOAK_CLIENTS    which clients; default: fetch,undici,axios,got
//   SOAK_BLOCK      calls per block; the two sides alternate block by block; default: 10000
//   SOAK_TWIN       calls without this library per call with it; default: 0.25
//   SOAK_HOLD       milliseconds that the server waits before it responds; default: a value per client that keeps it about half busy
// The exit code is 1 if spans were lost, memory grew, or the event loop was clearly slower than without this library (bounds: verdict.ts).
import { CLIENTS } from "./messages.ts";
import type { ClientName } from "./messages.ts";
import { soak } from "./pair.ts";
import type { Pair } from "./pair.ts";
import { report } from "./report.ts";
import { BOUNDS, defectsOf } from "./verdict.ts";

const HOLDS: Record<ClientName, number> = { fetch: 300, undici: 200, axios: 600, got: 1000 };

const env = process.env as Record<string, string | undefined>;
const number = (name: string, fallback: number): number => {
  const value = Number(env[name] ?? fallback);
  if (!(value >= 0)) throw new RangeError(`${name} must be a number, not ${env[name]}`);
  return value;
};
const clients = (env["SOAK_CLIENTS"]?.split(",") ?? CLIENTS) as readonly ClientName[];
const calls = number("SOAK_CALLS", 1_000_000);
const inFlight = number("SOAK_IN_FLIGHT", 1000);
const streams = number("SOAK_STREAMS", 1000);
const isTerminal = process.stderr.isTTY;

console.log(`${calls} calls, ${inFlight} in flight, ${streams} event streams`);
const pairs: Pair[] = [];
for (const client of clients) {
  const load = {
    calls: Math.round(calls / clients.length),
    block: number("SOAK_BLOCK", 10_000),
    twin: number("SOAK_TWIN", 0.25),
    inFlight,
    streams,
    hold: number("SOAK_HOLD", HOLDS[client]),
  };
  pairs.push(await soak(client, load, (text) => process.stderr.write(isTerminal ? `\r\u001b[2K${text}` : `${text}\n`)));
}
if (isTerminal) process.stderr.write("\r\u001b[2K");
console.log(`\n${report(pairs)}\n`);

const defects = pairs.flatMap(defectsOf);
const { bytesACall, spare, delay } = BOUNDS;
console.log(
  `allowed: no span lost; ${spare / 1e6} MB and ${bytesACall} bytes a call more memory than without this library; an event loop delay of ${delay.times} times the delay without this library, or ${delay.milliseconds} ms more`,
);
for (const defect of defects) console.log(`- ${defect}`);
if (defects.length === 0) console.log("no defects");
process.exitCode = defects.length === 0 ? 0 : 1;
