/** What a check has found to be wrong; anything else that is thrown is a surprise, and shown with its stack. */
class Mismatch extends Error {}

/** Whether two values are the same, as JSON has them, in whatever order their keys come. */
export function equal(actual, expected, what = "") {
  const [one, other] = [actual, expected].map((value) => JSON.stringify(sorted(value)));
  if (one !== other) throw new Mismatch(`${what}\n  is        ${one}\n  should be ${other}`);
}

function sorted(value) {
  if (value === undefined) return "(undefined)";
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(sorted);
  return Object.fromEntries(
    Object.keys(value)
      .toSorted()
      .map((key) => [key, sorted(value[key])]),
  );
}

/** Waits until a condition holds, at most so many milliseconds. */
export async function until(condition, what, milliseconds = 4000) {
  const deadline = Date.now() + milliseconds;
  while (!condition()) {
    if (Date.now() > deadline) throw new Mismatch(`not within ${milliseconds} ms: ${what}`);
    await sleep(5);
  }
}

export function sleep(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** What a promise is rejected with. */
export async function rejection(promise) {
  return promise.then(
    () => {
      throw new Mismatch("it was not rejected");
    },
    (error) => error,
  );
}

/** Runs checks one after the other. What one throws is its problem, a text that it returns its note. */
export async function runAll(checks, before = () => {}) {
  const results = [];
  for (const [what, check] of Object.entries(checks)) {
    const start = Date.now();
    let problem;
    let note = "";
    try {
      before();
      note = (await check()) ?? "";
    } catch (error) {
      problem = error instanceof Mismatch ? error.message : String(error?.stack ?? error);
    }
    results.push({ what, problem, note, milliseconds: Date.now() - start });
  }
  return results;
}
