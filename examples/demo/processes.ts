import { fork } from "node:child_process";
import type { FromAgent, ToAgent } from "./protocol.ts";

/** An agent's process, as the main process sees it. */
export interface AgentProcess {
  readonly name: string;
  readonly send: (message: ToAgent) => void;
  /** Resolves to its base URL when it listens. */
  readonly url: Promise<string>;
  /** Resolves to the report of the orchestrator. */
  readonly report: Promise<string>;
  /** Resolves when the process has exited after `stop`; rejects if it exited before, failed, or exceeded its deadline. */
  readonly ended: Promise<void>;
  readonly kill: () => void;
}

/** Starts an agent's process, which is killed after `deadline` milliseconds. It exits by itself when its channel to this process closes. */
export function startAgent(name: string, script: string | URL, environment: NodeJS.ProcessEnv, deadline: number): AgentProcess {
  const child = fork(script, { env: environment });
  const url = Promise.withResolvers<string>();
  const report = Promise.withResolvers<string>();
  const ended = Promise.withResolvers<void>();
  // `ended` reports a failure; the other promises need no handler.
  for (const { promise } of [url, report]) promise.catch(() => {});

  const fail = (problem: string): void => {
    clearTimeout(timer);
    const error = new Error(`${name} ${problem}`);
    for (const { reject } of [url, report, ended]) reject(error);
  };
  let stopping = false;
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    child.kill("SIGKILL");
  }, deadline);

  child.on("message", (message: FromAgent) => {
    if ("url" in message) url.resolve(message.url);
    else report.resolve(message.report);
  });
  child.on("error", (error) => fail(`could not be run: ${error.message}`));
  child.on("exit", (code, signal) => {
    if (timedOut) fail(`did not finish within ${deadline} ms`);
    else if (!stopping || code !== 0) fail(`died with ${signal ?? `exit code ${code}`}`);
    clearTimeout(timer);
    ended.resolve();
  });
  return {
    name,
    url: url.promise,
    report: report.promise,
    ended: ended.promise,
    send: (message) => {
      stopping ||= "stop" in message;
      // If the process has died, `ended` reports it.
      child.send(message, () => {});
    },
    kill: () => void child.kill("SIGKILL"),
  };
}
