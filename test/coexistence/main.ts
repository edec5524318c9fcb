/**
 * `node test/coexistence/main.ts [names]`: each product as its docs have it started, beside this package, in real processes on loopback.
 * `COEXISTENCE_FOLDER` names a folder in which the installed products are kept from one run to the next; default: a new one, taken away at the end.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { install, pack } from "./install.ts";
import { VARIANTS } from "./products.ts";
import type { Variant } from "./products.ts";
import { startReceiver } from "./receiver.ts";
import { CLIENTS, runPair } from "./run.ts";
import type { Arrangement } from "./run.ts";

const kept = process.env["COEXISTENCE_FOLDER"];
const root = kept ?? mkdtempSync(join(tmpdir(), "coexistence-"));
mkdirSync(root, { recursive: true });

const names = process.argv.slice(2);
const chosen =
  names.length === 0 ? VARIANTS : VARIANTS.filter(({ name, product }) => names.includes(name) || names.includes(product));
if (chosen.length === 0)
  throw new Error(`no product is named ${names.join(" or ")}; there are ${VARIANTS.map(({ name }) => name).join(", ")}`);

let failures = 0;
try {
  const tarball = await pack(root);
  const folders = new Map<string, string>();
  for (const { product } of chosen) {
    if (!folders.has(product)) folders.set(product, await install(product, tarball, root));
  }
  for (const variant of chosen) await tryOut(variant, folders.get(variant.product) as string);
} finally {
  if (kept === undefined) rmSync(root, { recursive: true, force: true });
}
process.exitCode = failures === 0 ? 0 : 1;
console.log(failures === 0 ? "all as documented" : `${failures} not as documented`);

async function tryOut(variant: Variant, folder: string): Promise<void> {
  const receiver = await startReceiver(await msgpackOf(variant, folder));
  try {
    for (const first of ["theirs", "ours"] as const) {
      for (const server of ["node", "express", "wrapped"] as const) await arrange(variant, folder, { first, server }, receiver);
    }
  } finally {
    receiver.close();
  }
  if (process.env["COEXISTENCE_VERBOSE"] !== undefined) {
    for (const span of receiver.spans)
      console.log(`    ${span.traceId.slice(0, 6)} ${span.parentId} -> ${span.spanId} ${span.kind} ${span.by} ${span.name}`);
  }
  for (const strange of receiver.strange) fail(`${variant.name}: not understood: ${strange}`);
}

async function arrange(
  variant: Variant,
  folder: string,
  arrangement: Arrangement,
  receiver: Awaited<ReturnType<typeof startReceiver>>,
): Promise<void> {
  const { wrong, said } = await runPair(folder, variant, arrangement, receiver);
  for (const client of CLIENTS) {
    const found = (wrong[client] ?? []).join("; ");
    const expected = variant.expected(client, arrangement.first, arrangement.server).join("; ");
    const label = `${variant.name.padEnd(18)} ${arrangement.first.padEnd(6)} first  ${arrangement.server.padEnd(7)} ${client.padEnd(6)}`;
    if (found === expected) console.log(`${label} ok${found === "" ? "" : ` (as documented: ${found})`}`);
    else fail(`${label} ${found || "all is right"}${expected === "" ? "" : `\n    documented: ${expected}`}`);
  }
  if (process.env["COEXISTENCE_VERBOSE"] !== undefined && said !== "") console.log(said.replaceAll(/^/gm, "    | "));
}

function fail(what: string): void {
  failures++;
  console.log(`${what}  <-- not as documented`);
}

/** How MessagePack is read: by the package that lies beside the product which speaks it. */
async function msgpackOf({ product }: Variant, folder: string): Promise<(bytes: Uint8Array) => unknown> {
  if (product !== "datadog") return () => [];
  const path = createRequire(join(folder, "package.json")).resolve("@msgpack/msgpack");
  const { decode } = (await import(pathToFileURL(path).href)) as {
    decode: (bytes: Uint8Array, options: { useBigInt64: boolean }) => unknown;
  };
  return (bytes) => decode(bytes, { useBigInt64: true });
}
