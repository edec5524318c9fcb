import "./tracing.ts";
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { trace } from "@opentelemetry/api";
const run = promisify(execFile);
const program = fileURLToPath(import.meta.url);
// #region readme
import { context } from "@opentelemetry/api";
import { extractEnvironment, injectEnvironment } from "a2a-otel";

// The parent gives the child a copy of its environment that carries the active trace and baggage ...
const runChild = (): Promise<{ stdout: string }> => run(process.execPath, [program, "child"], { env: injectEnvironment() });

// ... and the child runs its work in that trace. Preloaded with `--import a2a-otel/register`, it needs no code.
const inParentsTrace = <Result>(work: () => Result): Result => context.with(extractEnvironment(), work);
// #endregion

const tracer = trace.getTracer("example");
if (process.argv[2] === "child") {
  inParentsTrace(() => tracer.startSpan("work").end());
} else {
  await tracer.startActiveSpan("agent", async (span) => {
    const { stdout } = await runChild();
    console.log(`the child printed: ${stdout.trim()}`);
    span.end();
  });
}
