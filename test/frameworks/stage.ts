import { cpSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { install, pack, unpack } from "../apps/stage.ts";

const here = fileURLToPath(new URL(".", import.meta.url));

/**
 * Packs the library, and returns a function that stages a project of `projects/` together with the files of `kit/`, and returns its folder.
 * The folders are outside of this repository; what is installed there stays for the next run.
 */
export async function openStages(): Promise<(name: string) => Promise<string>> {
  const packed = (await pack()).filter(({ name }) => name === "a2a-otel");
  const root = join(dirname(packed[0]?.tarball ?? ""), "frameworks");
  const staged = new Map<string, Promise<string>>();
  const stage = async (name: string): Promise<string> => {
    const target = join(root, name);
    mkdirSync(target, { recursive: true });
    for (const entry of readdirSync(target)) if (entry !== "node_modules") rmSync(join(target, entry), { recursive: true });
    for (const source of ["kit", join("projects", name)]) {
      cpSync(join(here, source), target, { recursive: true, filter: (path) => !path.endsWith("node_modules") });
    }
    await install(target);
    await unpack(packed, target);
    return target;
  };
  return (name) => {
    const folder = staged.get(name) ?? stage(name);
    staged.set(name, folder);
    return folder;
  };
}
