// npm run bench:gate:self: whether the gate itself is any good. Ten times of ten it must catch a call that takes 15 us more, and hold the promise of
// 10 us to be kept by the code as it is, with the other core busy.
import { Worker } from "node:worker_threads";
import { FIGURES } from "./figures.ts";
import { agree, isBroken, timeFindings } from "./gate/verdict.ts";
import type { Finding } from "./gate/verdict.ts";
import { inOrder, times } from "./measure/in-order.ts";
import { timing } from "./measure/processes.ts";
import { USUAL } from "./rows/options.ts";
import type { RowName } from "./rows/options.ts";

const ROWS: readonly RowName[] = ["undici", "fetch", "axios"];
const RUNS = 10;
const DELAY = 15;
const SHARE = 0.1;

const busy = new Worker("while (true) Math.random();", { eval: true });
let wrong = 0;
await inOrder(ROWS, async (row) => {
  await inOrder([DELAY, 0], async (delay) => {
    let kept = 0;
    await inOrder(times(RUNS), async () => {
      if (await keepsPromise(row, delay)) kept++;
    });
    const expected = delay === 0 ? RUNS : 0;
    if (kept !== expected) wrong++;
    const what = delay === 0 ? "as it is" : `${delay} us slower`;
    console.log(`${kept === expected ? "ok  " : "FAIL"}  ${row}, ${what}: kept in ${kept} of ${RUNS} runs`);
  });
});
await busy.terminate();
process.exitCode = wrong === 0 ? 0 : 1;

/** The gate's question, in short: whether a sampled call keeps the promise. Ratios are left out, for they judge the code and not the gate. */
async function keepsPromise(row: RowName, delay: number): Promise<boolean> {
  const sampledTime = FIGURES[row]?.sampledTime ?? 0;
  const measure = async (): Promise<Finding[]> =>
    timeFindings("sampled", await timing({ ...USUAL, row, state: "sampled" }, { share: SHARE, delay }), { sampledTime });
  return !(await agree(measure)).some(isBroken);
}
