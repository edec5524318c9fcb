import { globSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../../src/", import.meta.url));
const files = globSync("**/*.ts", { cwd: root }).map((file) => file.replaceAll("\\", "/"));

function importsOf(file: string): string[] {
  const code = readFileSync(root + file, "utf8");
  const found = [...code.matchAll(/\bfrom "([^"]+)"|\bimport\(\s*"([^"]+)"|^import "([^"]+)"/gm)];
  return found.map(([, from = "", dynamic = "", bare = ""]) => {
    const name = from + dynamic + bare;
    return name.startsWith(".") ? posix.join(posix.dirname(file), name) : name;
  });
}

const own = files.filter((file) => file.startsWith("view/"));

test("the view imports Node and itself alone", () => {
  expect(own).toContain("view/server.ts");
  const others = own.flatMap((file) => importsOf(file).filter((from) => !from.startsWith("node:") && !from.startsWith("view/")));
  expect(others).toEqual([]);
});

test("nothing else imports the view, but for the command line", () => {
  const importing = files.filter((file) => !file.startsWith("view/") && importsOf(file).some((from) => from.startsWith("view/")));
  expect(importing.filter((file) => file !== "cli.ts")).toEqual([]);
});

test("what runs in the browser imports nothing at run time but what runs there", () => {
  const browser = own.filter((file) => file.startsWith("view/browser/"));
  const elsewhere = browser.flatMap((file) => {
    const code = readFileSync(root + file, "utf8").replaceAll(/^import type [^;]*;$/gm, "");
    return [...code.matchAll(/\bfrom "([^"]+)"/g)]
      .map(([, from = ""]) => posix.join("view/browser", from))
      .filter((from) => !browser.includes(from));
  });
  expect(elsewhere).toEqual([]);
});
