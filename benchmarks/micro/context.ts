import { AsyncLocalStorage } from "node:async_hooks";
import { ROOT_CONTEXT, createContextKey } from "@opentelemetry/api";
import type { Context } from "@opentelemetry/api";
import type { Comparison } from "./comparison.ts";

const storage = new AsyncLocalStorage<Context>();
const CONTEXT = ROOT_CONTEXT.setValue(createContextKey("benchmark"), true);
let calls = 0;
const transport = (): Promise<number> => Promise.resolve(calls++);

export const comparison: Comparison = {
  description: "Calls the transport in the caller's context instead of in the call's, where only the platform's code runs beneath.",
  clever: transport,
  obvious: () => storage.run(CONTEXT, transport),
};
