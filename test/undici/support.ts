import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type * as Undici from "undici";

const name: string = process.env["UNDICI"] ?? "undici";
const require = createRequire(import.meta.url);

/** The undici under test: the installed one, or that of the folder which `UNDICI` names. */
export const undici: typeof Undici = require(name) as typeof Undici;

/** Its version. */
export const version: string = (JSON.parse(readFileSync(require.resolve(`${name}/package.json`), "utf8")) as { version: string })
  .version;
export const major: number = Number.parseInt(version, 10);

/** Does something with each, one after the other. */
export function inTurn<Item>(items: Iterable<Item>, use: (item: Item) => unknown): Promise<unknown> {
  return [...items].reduce<Promise<unknown>>((before, item) => before.then(() => use(item)), Promise.resolve());
}

/** A handler such as an application writes for `dispatch`, of the kind that the undici under test takes. */
export function handlerOf(
  settled: (error?: unknown) => void,
  data: (chunk: Buffer) => boolean = () => true,
): Undici.Dispatcher.DispatchHandler {
  const modern = {
    onRequestStart() {},
    onResponseStart() {},
    onResponseData: (controller: Undici.Dispatcher.DispatchController, chunk: Buffer) => {
      if (!data(chunk)) controller.pause();
    },
    onResponseEnd: () => settled(),
    onResponseError: (_: unknown, error: unknown) => settled(error),
  };
  const legacy = { onConnect() {}, onHeaders: () => true, onData: data, onComplete: () => settled(), onError: settled };
  return (major < 7 ? legacy : modern) as Undici.Dispatcher.DispatchHandler;
}
