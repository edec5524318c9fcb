// The entry of a child process that imports modules and prints what that costs.

export interface ImportJob {
  /** Imported before the measurement. */
  readonly before: readonly string[];
  readonly modules: readonly string[];
}

export interface ImportCost {
  /** CPU time in milliseconds. */
  readonly time: number;
  /** Bytes by which the heap has grown, after a garbage collection. */
  readonly heap: number;
}

const { before, modules } = JSON.parse(process.argv[2] as string) as ImportJob;
for (const module of before) await import(module);
const heap = collectedHeap();
const start = process.cpuUsage();
for (const module of modules) await import(module);
const { user, system } = process.cpuUsage(start);
const cost: ImportCost = { time: (user + system) / 1000, heap: collectedHeap() - heap };
process.stdout.write(JSON.stringify(cost));
process.exit();

function collectedHeap(): number {
  if (globalThis.gc === undefined) throw new Error("this measurement needs node --expose-gc");
  globalThis.gc({ type: "major", execution: "sync" });
  return process.memoryUsage().heapUsed;
}
