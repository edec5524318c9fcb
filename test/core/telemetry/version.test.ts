import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { SCHEMA_URL, VERSION } from "../../../src/core/telemetry/version.ts";

it("VERSION is the package's", () => {
  const file = new URL("../../../package.json", import.meta.url);
  expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({ version: VERSION });
});

it("SCHEMA_URL is one of OpenTelemetry's, of the stable HTTP conventions", () => {
  expect(SCHEMA_URL).toMatch(/^https:\/\/opentelemetry\.io\/schemas\/1\.(?:2[3-9]|[3-9]\d)\.0$/);
});
