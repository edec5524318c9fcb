import { afterEach, describe, expect, it, vi } from "vitest";
import { environmentList, isNode } from "../../../src/core/telemetry/environment.ts";
import { compileMatchers } from "../../../src/core/propagation/matchers.ts";
import { modelProviderHosts } from "../../../src/core/propagation/model-providers.ts";

afterEach(() => vi.unstubAllGlobals());

describe("Node itself", () => {
  const getBuiltinModule = (): undefined => undefined;
  const NODE = { getBuiltinModule, versions: { node: "24.0.0" } };
  const isNodeWith = (globals: Record<string, unknown>): boolean => {
    const all = { process: NODE, navigator: undefined, Deno: undefined, ...globals };
    for (const [name, value] of Object.entries(all)) vi.stubGlobal(name, value);
    const answer = isNode();
    vi.unstubAllGlobals();
    return answer;
  };

  it.each<[string, Record<string, unknown>]>([
    ["has no navigator in older versions", {}],
    ["has a navigator in newer ones", { navigator: { userAgent: "Node.js/24" } }],
  ])("%s", (_, globals) => {
    expect(isNodeWith(globals)).toBe(true);
  });

  it.each<[string, Record<string, unknown>]>([
    ["a browser, without a process", { process: undefined }],
    ["a page with a bundler's process", { process: { env: {}, versions: {} } }],
    ["the Edge runtime of Next.js, with a part of Node's process", { process: { versions: { node: "24.0.0" } } }],
    ["what has Node's modules and no versions", { process: { getBuiltinModule } }],
    ["what has Node's modules and no version of Node", { process: { getBuiltinModule, versions: {} } }],
    ["Bun", { process: { getBuiltinModule, versions: { node: "24.0.0", bun: "1.3.0" } } }],
    ["Deno", { Deno: {} }],
    ["a Worker of Cloudflare's with Node's modules", { navigator: { userAgent: "Cloudflare-Workers" } }],
  ])("is not %s", (_, globals) => {
    expect(isNodeWith(globals)).toBe(false);
  });

  it("is what runs this", () => {
    expect(isNode()).toBe(true);
  });
});

it("a list of the environment is that of its own name", () => {
  vi.stubGlobal("process", { env: { FIRST: "a,b", SECOND: "c" } });
  expect(["FIRST", "SECOND", "THIRD"].map(environmentList)).toEqual([["a", "b"], ["c"], undefined]);
});

describe("a model provider with regions in its hosts", () => {
  const isProvider = compileMatchers(modelProviderHosts);

  it.each([
    "https://aiplatform.googleapis.com/v1/x",
    "https://us-central1-aiplatform.googleapis.com/v1/x",
    "https://bedrock.us-east-1.amazonaws.com/",
    "https://bedrock-fips.us-east-1.amazonaws.com/",
    "https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com/model/x/invoke",
    "https://bedrock-data-automation-runtime.eu-west-1.amazonaws.com/",
    "https://bedrock-runtime.cn-north-1.amazonaws.com.cn/",
  ])("is known at %s", (url) => {
    expect(isProvider(url)).toBe(true);
  });

  it.each([
    "https://-aiplatform.googleapis.com/",
    "https://us-central1-aiplatform.googleapis.com.evil.example/",
    "https://us-central1-aiplatform.googleapis.com:8443/",
    "https://evil.example/us-central1-aiplatform.googleapis.com",
    "http://us-central1-aiplatform.googleapis.com/",
    "https://us.central1-aiplatform.googleapis.com/",
    "https://bedrock.amazonaws.com/",
    "https://bedrock-runtime.us-east-1.amazonaws.com.evil.example/",
    "https://bedrock-runtime.us-east-1.amazonaws.com.cn.evil.example/",
    "https://bedrock-2.us-east-1.amazonaws.com/",
    "https://bedrocks.us-east-1.amazonaws.com/",
    "https://my-bedrock.us-east-1.amazonaws.com/",
    "https://bedrock.us.east.amazonaws.com/",
    "http://bedrock-runtime.us-east-1.amazonaws.com/",
  ])("is not at %s", (url) => {
    expect(isProvider(url)).toBe(false);
  });
});
