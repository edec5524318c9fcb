import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { SCHEMA_URL, VERSION } from "../../../src/core/telemetry/version.ts";

describe("version.ts", () => {
  it("has the version of package.json as VERSION", () => {
    const file = new URL("../../../package.json", import.meta.url);
    expect(JSON.parse(readFileSync(file, "utf8"))).toMatchObject({ version: VERSION });
  });

  it("has a schema URL of the stable HTTP conventions as SCHEMA_URL", () => {
    expect(SCHEMA_URL).toMatch(/^https:\/\/opentelemetry\.io\/schemas\/1\.(?:2[3-9]|[3-9]\d)\.0$/);
  });
});
