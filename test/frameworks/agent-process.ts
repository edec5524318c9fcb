import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";

/** A span that an agent has recorded. */
export interface AgentSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId?: string;
  readonly kind: number;
  readonly name: string;
  readonly scope: string;
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** What an agent has recorded since the last report. */
interface Report {
  readonly spans: readonly AgentSpan[];
  /** How many spans have not ended. */
  readonly open: number;
  /** The requests that its server has received. */
  readonly received: readonly { readonly path: string; readonly rawHeaders: readonly string[] }[];
}

/** An agent in a process of its own. */
export interface AgentProcess {
  readonly url: string;
  /** What it has printed since the last call. */
  readonly output: () => string;
  readonly report: () => Promise<Report>;
  readonly stop: () => void;
}

export interface AgentOptions {
  readonly modelUrl: string;
  readonly isTraced: boolean;
  readonly variant?: string | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
}

const DEADLINE = 60_000;

/** Starts `agent.js` of a staged project; with tracing, `tracing.js` is loaded before it. */
export async function startAgent(cwd: string, { modelUrl, isTraced, variant, env }: AgentOptions): Promise<AgentProcess> {
  const child = fork("agent.js", {
    cwd,
    execArgv: isTraced ? ["--import", "./tracing.js"] : [],
    env: { PATH: process.env["PATH"], HOME: cwd, MODEL_URL: modelUrl, TRACED: String(isTraced), VARIANT: variant, ...env },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding("utf8").on("data", (chunk: string) => (output += chunk));
  const { url } = (await nextMessage(child, () => output)) as { url: string };
  return {
    url,
    output: () => {
      const printed = output;
      output = "";
      return printed;
    },
    report: async () => {
      child.send("report");
      return (await nextMessage(child, () => output)) as Report;
    },
    stop: () => void child.kill("SIGKILL"),
  };
}

/** The next message of a process, which must not end before it. */
async function nextMessage(child: ChildProcess, output: () => string): Promise<unknown> {
  const signal = AbortSignal.timeout(DEADLINE);
  const ended = async (): Promise<never> => {
    await once(child, "exit", { signal });
    throw new Error(`the agent has ended: ${output()}`);
  };
  const end = ended();
  end.catch(() => {});
  try {
    const [message] = (await Promise.race([once(child, "message", { signal }), end])) as unknown[];
    return message;
  } catch (error) {
    child.kill("SIGKILL");
    throw new Error(`${String(error)}\n${output()}`, { cause: error });
  }
}
