// npm run bench:peers: measures whole clients over in-memory sockets with this library and with other tracing libraries, which are installed into
// benchmarks/peers at first use. `--quick` measures less; `--update` writes PEERS.md.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { describeEnvironment, packageList } from "./report/environment.ts";
import { renderPage } from "./report/page.ts";
import { PEERS_INTRODUCTION } from "./report/peers-introduction.ts";
import { progress, progressDone } from "./report/progress.ts";
import { renderTable } from "./report/table.ts";
import { otherLibrariesTable } from "./tables/whole-clients.ts";

const { values } = parseArgs({ options: { quick: { type: "boolean" }, update: { type: "boolean" } } });
install();

const table = await otherLibrariesTable({ processes: values.quick === true ? 1 : 3, share: 1, progress });
progressDone();
console.log(renderTable(table));
if (values.update === true) {
  const { dependencies } = JSON.parse(readFileSync(new URL("peers/package.json", import.meta.url), "utf8")) as {
    dependencies: Record<string, string>;
  };
  const environment = `${describeEnvironment()} The other libraries are ${packageList(dependencies)}.`;
  const page = new URL("PEERS.md", import.meta.url);
  writeFileSync(page, renderPage(readFileSync(page, "utf8"), PEERS_INTRODUCTION, [table], environment));
}

/** The other libraries are not dependencies of the project. What their install scripts build is not used here. */
function install(): void {
  const folder = fileURLToPath(new URL("peers/", import.meta.url));
  if (existsSync(`${folder}node_modules/dd-trace`)) return;
  progress("installing the other libraries");
  execFileSync("npm", ["install", "--ignore-scripts", "--no-package-lock", "--no-audit", "--no-fund"], {
    cwd: folder,
    stdio: "inherit",
  });
}
