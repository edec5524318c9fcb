import { listen } from "../../support/server.ts";
import type { TestServer } from "../../support/server.ts";

/** One documented behaviour of a package: it returns, or throws an assertion error. */
export type Check<Subject> = (subject: Subject, url: string) => Promise<void> | void;

/** Checks written from the documentation of a package, run without this library and in each way that the library instruments the package. */
export interface Suite<Subject> {
  readonly name: string;
  /** What the checks are written from. */
  readonly source: string;
  readonly plain: () => Subject;
  /** The ways in which the library instruments the package. What `install` returns besides the subject is called afterwards. */
  readonly variants: Readonly<Record<string, () => { subject: Subject; undo?: () => void }>>;
  readonly checks: Readonly<Record<string, Check<Subject>>>;
}

export interface Result {
  readonly suite: string;
  readonly variant: string;
  readonly source: string;
  /** For each check: undefined if it passed, otherwise the message. */
  readonly outcomes: ReadonlyMap<string, string | undefined>;
}

const PLAIN = "without";

/** Runs the checks of a suite without the library, then with each variant. */
export async function runSuite<Subject>(suite: Suite<Subject>): Promise<Result[]> {
  console.error(`running the checks of ${suite.name}`);
  const results: Result[] = [];
  const setUps = { [PLAIN]: (): { subject: Subject; undo?: () => void } => ({ subject: suite.plain() }), ...suite.variants };
  for (const [variant, setUp] of Object.entries(setUps)) {
    const { subject, undo } = setUp();
    const outcomes = new Map<string, string | undefined>();
    for (const [name, check] of Object.entries(suite.checks)) {
      // oxlint-disable-next-line no-await-in-loop -- one check after another
      outcomes.set(name, await outcomeOf(check, subject));
    }
    undo?.();
    results.push({ suite: suite.name, variant, source: suite.source, outcomes });
  }
  return results;
}

const LIMIT_MS = 30_000;

async function outcomeOf<Subject>(check: Check<Subject>, subject: Subject): Promise<string | undefined> {
  const server = await startServer();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(reject, LIMIT_MS, new Error(`not finished within ${LIMIT_MS / 1000} s`));
  });
  try {
    await Promise.race([check(subject, server.url), late]);
    return undefined;
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message.split("\n")[0]}` : String(error);
  } finally {
    clearTimeout(timer);
    await server.close();
  }
}

/** A server whose responses show what it received. */
function startServer(): Promise<TestServer> {
  return listen((request, response) => {
    const chunks: Buffer[] = [];
    request.on("error", () => {});
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const path = (request.url ?? "").replace(/\?.*/, "");
      const body = Buffer.concat(chunks).toString();
      const { method, url, headers } = request;
      const received = { method, url, headers, body };
      if (path === "/echo") response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(received));
      else if (path === "/json") response.writeHead(200, { "content-type": "application/json" }).end('{"answer":42}');
      else if (path === "/not-json") response.writeHead(200, { "content-type": "application/json" }).end("{");
      else if (path === "/empty") response.writeHead(204).end();
      else if (path === "/redirect") response.writeHead(302, { location: "/echo" }).end();
      else if (path === "/redirect-307") response.writeHead(307, { location: "/echo" }).end();
      else if (path === "/loop") response.writeHead(302, { location: "/loop" }).end();
      else if (path === "/cookies") response.writeHead(200, { "set-cookie": ["a=1", "b=2"] }).end();
      else if (path === "/chunks") {
        response.write("one,");
        setImmediate(() => response.end("two"));
      } else if (path === "/stall") return;
      else if (path === "/cut") {
        response.writeHead(200, { "content-length": 100 }).write("abc");
        setImmediate(() => response.destroy());
      } else if (path === "/busy-once") {
        const isSecond = busy.delete(request.headers.host);
        if (!isSecond) busy.add(request.headers.host);
        response.writeHead(isSecond ? 200 : 503).end("served");
      } else response.writeHead(404, "Not Found", { "x-reason": "none" }).end("missing");
    });
  });
}

/** The hosts that have responded with 503 once. */
const busy = new Set<unknown>();

/** The response to `/echo`. */
export interface Echo {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}
