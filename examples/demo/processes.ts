import { fork } from "node:child_process";
import type { FromAgent, ToAgent } from "./cast.ts";

/** An agent's process, seen from main. */
export interface AgentProcess {
  readonly name: string;
  readonly tell: (message: ToAgent) => void;
  /** Its base URL, once it listens. */
  readonly url: Promise<string>;
  /** What came of its work. */
  readonly report: Promise<string>;
  /** Fulfilled when the process is gone as it was told to; rejected when it died before, or was still there at its deadline. */
  readonly ended: Promise<void>;
  readonly kill: () => void;
}

/** Starts a process that is killed after so many milliseconds. It ends by itself when its channel to this process closes. */
export function startAgent(name: string, script: string | URL, environment: NodeJS.ProcessEnv, deadline: number): AgentProcess {
  const child = fork(script, { env: environment });
  const url = Promise.withResolvers<string>();
  const report = Promise.withResolvers<string>();
  const ended = Promise.withResolvers<void>();
  // Whoever waits for the end hears of a failure; nobody need wait for the rest.
  for (const { promise } of [url, report]) promise.catch(() => {});

  const fail = (problem: string): void => {
    clearTimeout(timer);
    const error = new Error(`${name} ${problem}`);
    for (const { reject } of [url, report, ended]) reject(error);
  };
  let stopping = false;
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
  }, deadline);

  child.on("message", (message: FromAgent) => {
    if ("url" in message) url.resolve(message.url);
    else report.resolve(message.report);
  });
  child.on("error", (error) => fail(`could not be run: ${error.message}`));
  child.on("exit", (code, signal) => {
    if (late) fail(`was not done within ${deadline} ms`);
    else if (!stopping || code !== 0) fail(`died with ${signal ?? `exit code ${code}`}`);
    clearTimeout(timer);
    ended.resolve();
  });
  return {
    name,
    url: url.promise,
    report: report.promise,
    ended: ended.promise,
    tell: (message) => {
      stopping ||= "stop" in message;
      // A process that died meanwhile is told of by its end.
      child.send(message, () => {});
    },
    kill: () => void child.kill("SIGKILL"),
  };
}
