import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Answers, Order, Role } from "./messages.ts";

/** A process that obeys orders. */
export interface Obedient {
  /** What it said when it was ready: a server its port. */
  readonly ready: number;
  readonly order: <Name extends Order["order"]>(order: Extract<Order, { order: Name }>) => Promise<Answers[Name]>;
  readonly stop: () => void;
}

/** Starts a process of this folder in a role. */
export async function start(file: "client-process.ts" | "server-process.ts", role: Role): Promise<Obedient> {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), [JSON.stringify(role)], { execArgv: ["--expose-gc"] });
  let settle: PromiseWithResolvers<unknown> = Promise.withResolvers();
  child.on("message", ({ answer, error }: { answer?: unknown; error?: string }) => {
    if (error === undefined) settle.resolve(answer);
    else settle.reject(new Error(`${file}: ${error}`));
  });
  child.on("exit", (code) => settle.reject(new Error(`${file} ended with ${code}`)));
  const ready = (await settle.promise) as number;
  return {
    ready,
    order: async (order) => {
      settle = Promise.withResolvers();
      child.send(order);
      return settle.promise as never;
    },
    stop: () => {
      settle.promise.catch(() => {});
      child.disconnect();
    },
  };
}
