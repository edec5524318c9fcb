import { BoundedCache } from "../../src/core/http/bounded-cache.ts";
import type { Comparison } from "./comparison.ts";

const ORIGIN = "http://agent.internal:8080";
const PATH = "/agents/1";

const targets = new BoundedCache<string>();
targets.set(buildUrl(ORIGIN, PATH), "target");

function buildUrl(origin: string, path: string): string {
  return `${origin}${path.startsWith("/") ? "" : "/"}${path}`;
}

let last: { readonly origin: string; readonly path: string; readonly url: string } | undefined;

function keepUrl(origin: string, path: string): string {
  if (last?.path !== path || last.origin !== origin) last = { origin, path, url: buildUrl(origin, path) };
  return last.url;
}

export const comparison: Comparison = {
  description: "Keeps the last URL of a dispatched request, so that its hash is known when it is looked up in a cache.",
  clever: () => targets.get(keepUrl(ORIGIN, PATH)),
  obvious: () => targets.get(buildUrl(ORIGIN, PATH)),
  call: "undici",
};
