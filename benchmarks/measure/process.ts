import { context } from "@opentelemetry/api";
import { rowOptions } from "../rows/options.ts";
import type { RowSpec } from "../rows/options.ts";
import { startTelemetry } from "../rows/telemetry.ts";
import { trioOf } from "../rows/trios.ts";
import { allocation } from "./allocation.ts";
import { slowest } from "./latency.ts";
import { rotate } from "./rotation.ts";
import { delayed } from "./trio.ts";

/** What a process of its own is asked to measure. */
export interface Job {
  readonly spec: RowSpec;
  readonly measure: "time" | "slowest" | "bytes" | "headers";
  readonly rounds: number;
  readonly calls: number;
  readonly turns: number;
  /** Microseconds by which each traced call is delayed, to try the gate. */
  readonly delay: number;
}

async function measure({ spec, measure: what, rounds, calls, turns, delay }: Job): Promise<unknown> {
  // The telemetry is there before the client is wrapped, as `--import` has it.
  const { parent, settle } = startTelemetry(spec);
  const trio = delayed(await trioOf(spec), delay);
  return context.with(parent, async () => {
    if (what === "slowest") return slowest(trio, settle);
    if (what === "bytes") return allocation(trio, settle);
    if (what === "time") return rotate(trio, { rounds, calls, turns, inFlight: spec.inFlight, settle });
    await trio.traced();
    return headerBytes(trio.sent(), rowOptions(spec).requestHeaders);
  });
}

/** Bytes of the header lines that were added to the application's own. */
function headerBytes(sent: Record<string, string>, own: Record<string, string>): number {
  const added = Object.entries(sent).filter(([name]) => !(name in own) && /^(?:traceparent|tracestate|baggage)$/.test(name));
  return added.reduce((bytes, [name, value]) => bytes + `${name}: ${value}\r\n`.length, 0);
}

const result = await measure(JSON.parse(process.argv[2] as string) as Job);
process.stdout.write(JSON.stringify(result));
// What the clients and the SDK keep open does not count.
process.exit();
