// Copies the version from package.json to the source. Runs after `changeset version`.
import { readFileSync, writeFileSync } from "node:fs";

const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { version: string };
const file = new URL("../src/core/telemetry/version.ts", import.meta.url);
writeFileSync(file, readFileSync(file, "utf8").replace(/(?<=VERSION = ")[^"]+/, version));
