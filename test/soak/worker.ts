import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Answers, Command, Role } from "./messages.ts";

/** A child process that carries out commands, one at a time. */
export interface Worker {
  /** What the process reported when it was ready: the port of a server, 0 of a client. */
  readonly ready: number;
  readonly command: <Name extends Command["command"]>(command: Extract<Command, { command: Name }>) => Promise<Answers[Name]>;
  readonly stop: () => void;
}

/** Starts a process of this folder in a role. */
export async function startWorker(file: "client-process.ts" | "server-process.ts", role: Role): Promise<Worker> {
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
    command: async (command) => {
      settle = Promise.withResolvers();
      child.send(command);
      return settle.promise as never;
    },
    stop: () => {
      settle.promise.catch(() => {});
      child.disconnect();
    },
  };
}
