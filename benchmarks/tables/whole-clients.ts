import { microseconds, ratio, withTarget } from "../report/table.ts";
import type { Table } from "../report/table.ts";
import { WHOLE_CLIENT_RATIOS } from "../targets.ts";
import {
  OPENTELEMETRY,
  OURS,
  SDK_BASELINE,
  UNTRACED,
  addedTime,
  addedTimeRatio,
  compareContenders,
  medianTime,
} from "../whole-clients/compare.ts";
import { OTHER_LIBRARIES } from "../whole-clients/other-libraries.ts";
import { CLIENT_NAMES } from "../whole-clients/whole-client.ts";
import type { Effort } from "./repeated-measurement.ts";

export async function wholeClientsTable({ processes, progress }: Effort): Promise<Table> {
  const rows: string[][] = [];
  for (const client of CLIENT_NAMES) {
    const contenders = [UNTRACED, SDK_BASELINE, OURS, OPENTELEMETRY];
    const times = await compareContenders(client, { contenders, processes, inMemory: true, progress });
    const toOpenTelemetry = addedTimeRatio(times, OURS.name, OPENTELEMETRY.name);
    rows.push([
      client,
      microseconds(medianTime(times, UNTRACED.name)),
      microseconds(addedTime(times, SDK_BASELINE.name)),
      microseconds(addedTime(times, OURS.name)),
      microseconds(addedTime(times, OPENTELEMETRY.name)),
      withTarget(ratio(toOpenTelemetry), toOpenTelemetry, WHOLE_CLIENT_RATIOS[client]),
      ratio(addedTimeRatio(times, OURS.name, SDK_BASELINE.name)),
      ratio(addedTimeRatio(times, SDK_BASELINE.name, OPENTELEMETRY.name)),
    ]);
  }
  return {
    title: "Whole clients over in-memory sockets",
    command: "npm run bench -- --only whole-clients",
    text: [
      "The first column is the CPU time of an untraced call in microseconds. The next three are the CPU time that tracing adds to it. Each kind of tracing",
      "has processes of its own, which alternate. Whole clients leave the caches cold, so that even the bare SDK calls take longer than on a stub transport:",
      "this table compares, and the promise of 10 microseconds is not about it.",
    ].join("\n"),
    head: [
      "",
      "untraced",
      "SDK baseline",
      "a2a-otel",
      "OpenTelemetry's instrumentation",
      "a2a-otel / OpenTelemetry's",
      "a2a-otel / SDK baseline",
      "SDK baseline / OpenTelemetry's",
    ],
    rows,
  };
}

export async function loopbackTable({ processes, progress }: Effort): Promise<Table> {
  const rows: string[][] = [];
  // A server is only measured in memory: on loopback, its client would be part of the measurement.
  for (const client of CLIENT_NAMES.filter((name) => name !== "server")) {
    const times = await compareContenders(client, { contenders: [UNTRACED, OURS], processes, inMemory: false, progress });
    rows.push([client, microseconds(medianTime(times, UNTRACED.name)), microseconds(medianTime(times, OURS.name))]);
  }
  return {
    title: "Whole clients against a server on loopback",
    command: "npm run bench -- --only loopback",
    text: [
      "CPU time per call in microseconds, including that of the server, which runs in the same process. This table is an illustration: the kernel's network",
      "stack makes it too unsteady for comparisons.",
    ].join("\n"),
    head: ["", "untraced", "with a2a-otel"],
    rows,
  };
}

export async function otherLibrariesTable({ processes, progress }: Effort): Promise<Table> {
  const rows: string[][] = [];
  for (const client of CLIENT_NAMES) {
    const contenders = [UNTRACED, SDK_BASELINE, OURS, ...OTHER_LIBRARIES];
    const times = await compareContenders(client, { contenders, processes, inMemory: true, progress });
    for (const { name } of contenders.slice(1)) {
      if (times[name] === undefined) continue;
      const comparison = name === OURS.name ? "" : ratio(addedTimeRatio(times, OURS.name, name));
      rows.push([client, name, microseconds(addedTime(times, name)), comparison]);
    }
  }
  return {
    title: "Whole clients over in-memory sockets",
    command: "npm run bench:peers -- --only whole-clients",
    text: [
      "The third column is the CPU time in microseconds that tracing adds to an untraced call: the median of processes that alternate. The last column is the",
      "time that a2a-otel adds, divided by the time that the tracing of the row adds.",
    ].join("\n"),
    head: ["client", "tracing", "added time", "a2a-otel / row"],
    rows,
  };
}
