import { STACK_RATIOS } from "../figures.ts";
import { inOrder } from "../measure/in-order.ts";
import { beside, microseconds, ratio } from "../report/table.ts";
import type { Table } from "../report/table.ts";
import { FLOOR, OPENTELEMETRY, OURS, PLAIN, alternate, ownTimeOf, shareOf, timeOf } from "../stacks/alternate.ts";
import type { Turns } from "../stacks/alternate.ts";
import { STACKS } from "../stacks/stack.ts";
import type { StackName } from "../stacks/stack.ts";

export interface StackTimes {
  readonly stack: StackName;
  readonly turns: Turns;
}

export async function stacks(processes: number, inMemory: boolean, progress: (text: string) => void): Promise<StackTimes[]> {
  const results: StackTimes[] = [];
  const contenders = inMemory ? [PLAIN, FLOOR, OURS, OPENTELEMETRY] : [PLAIN, OURS];
  // A server is measured without a network only: its client would be measured with it.
  const names = STACKS.filter((name) => inMemory || name !== "server");
  await inOrder(names, async (stack) => {
    const where = inMemory ? "in memory" : "on loopback";
    results.push({
      stack,
      turns: await alternate(stack, contenders, processes, inMemory, (text) => progress(`${text}, ${where}`)),
    });
  });
  return results;
}

export function stacksTable(results: readonly StackTimes[]): Table {
  return {
    title: "Whole clients over in-memory sockets",
    text: [
      "CPU microseconds of a call beyond those without tracing, each contender in processes of its own. With cold caches, between all that a client",
      "does itself, even the bare SDK calls take longer than on a stub: this table is for the comparison, the promise is about own time.",
      "The last column is what the bare SDK calls take of OpenTelemetry's own, which is more than some figures allow for everything.",
    ].join("\n"),
    head: [
      "",
      "without tracing",
      "floor",
      "a2a-otel",
      "OpenTelemetry's own",
      "a2a-otel / OpenTelemetry's",
      "floor / OpenTelemetry's",
    ],
    rows: results.map(({ stack, turns }) => {
      const share = shareOf(turns, OURS.name, OPENTELEMETRY.name);
      return [
        stack,
        microseconds(timeOf(turns, PLAIN.name)),
        microseconds(ownTimeOf(turns, FLOOR.name)),
        microseconds(ownTimeOf(turns, OURS.name)),
        microseconds(ownTimeOf(turns, OPENTELEMETRY.name)),
        beside(ratio(share), share, STACK_RATIOS[stack]),
        ratio(shareOf(turns, FLOOR.name, OPENTELEMETRY.name)),
      ];
    }),
  };
}

export function loopbackTable(results: readonly StackTimes[]): Table {
  return {
    title: "Whole clients against a server on loopback",
    text: "CPU microseconds of a call, the server's share with it. For show: the system's network makes these too unsteady to judge by.",
    head: ["", "without tracing", "with a2a-otel"],
    rows: results.map(({ stack, turns }) => [
      stack,
      microseconds(timeOf(turns, PLAIN.name)),
      microseconds(timeOf(turns, OURS.name)),
    ]),
  };
}
