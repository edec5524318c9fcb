import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const PROCESS = fileURLToPath(new URL("../measure/heap-process.ts", import.meta.url));

/** Bytes by which the heap has grown for a call, after a million calls to a million origins. */
export async function heapSlope(): Promise<number> {
  const { stdout } = await promisify(execFile)(process.execPath, ["--expose-gc", PROCESS]);
  return JSON.parse(stdout) as number;
}
