import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

/** The package's own package.json, which is one of its exports. */
export const manifest = require("a2a-otel/package.json");

/** The names that were taken of each subpath; undefined where another process uses it. */
const used = new Map([["./package.json", undefined]]);

/** Imports a subpath, and notes which of its exports are taken. */
export async function use(subpath) {
  const names = used.get(subpath) ?? new Set();
  used.set(subpath, names);
  return new Proxy(await import(nameOf(subpath)), {
    get(exports, name) {
      if (name === "then") return undefined; // a promise asks what it is resolved with
      if (!Object.hasOwn(exports, name)) throw new Error(`${nameOf(subpath)} exports no ${String(name)}`);
      names.add(name);
      return exports[name];
    },
  });
}

/** Records that another process uses a subpath. */
export function usedElsewhere(subpath) {
  used.set(subpath, undefined);
}

/** The exports of the package that the smoke test does not use. A new export must be added to the smoke test. */
export async function unused() {
  const left = [];
  for (const subpath of Object.keys(manifest.exports)) {
    const names = used.get(subpath);
    if (!used.has(subpath)) left.push(nameOf(subpath));
    else if (names !== undefined) {
      const taken = await import(nameOf(subpath));
      for (const name of Object.keys(taken)) if (!names.has(name)) left.push(`${nameOf(subpath)}: ${name}`);
    }
  }
  return left;
}

const nameOf = (subpath) => `a2a-otel${subpath.slice(1)}`;
