import { describe, expect, it } from "vitest";
import { compileMatchers } from "../../../src/core/propagation/matchers.ts";
import type { Matcher } from "../../../src/core/propagation/matchers.ts";
import { modelProviderHosts } from "../../../src/index.ts";

/** Normalised, as clients give URLs to the policy. */
const href = (url: string): string => new URL(url).href;

const TABLE: { matcher: Matcher; meant: string[]; others: string[] }[] = [
  {
    matcher: "agents.corp.example",
    meant: [
      "https://agents.corp.example/",
      "http://agents.corp.example:8443/rpc?x=1",
      "https://AGENTS.Corp.Example",
      "https://agents.corp.example./",
      "https://user:agents@agents.corp.example/",
      "https://agents.corp.example:443",
    ],
    others: [
      "https://corp.example",
      "https://xagents.corp.example",
      "https://agents.corp.example.evil.example",
      "https://agents.corp.example@evil.example",
      "https://evil.example/agents.corp.example",
      "https://evil.example?agents.corp.example",
      "https://evil.example#@agents.corp.example",
      "https://evil.example\\@agents.corp.example",
      "data:text/plain,agents.corp.example",
    ],
  },
  {
    matcher: "*.corp.example",
    meant: ["https://a.corp.example", "https://a.b.corp.example:8080", "https://A.CORP.EXAMPLE.", "http://x.corp.example"],
    others: [
      "https://corp.example",
      "https://evilcorp.example",
      "https://corp.example.evil.example",
      "https://a.corp.example@evil.example",
    ],
  },
  {
    matcher: "https://agents.corp.example:8443",
    meant: ["https://agents.corp.example:8443/rpc", "https://Agents.corp.example.:8443"],
    others: ["http://agents.corp.example:8443", "https://agents.corp.example", "https://agents.corp.example:8444"],
  },
  {
    matcher: "https://agents.corp.example",
    meant: ["https://agents.corp.example:443/x"],
    others: ["http://agents.corp.example", "https://agents.corp.example:8443"],
  },
  { matcher: "agents.corp.example:80", meant: ["http://agents.corp.example"], others: ["https://agents.corp.example"] },
  {
    matcher: "münchen.example",
    meant: ["https://xn--mnchen-3ya.example", "https://MÜNCHEN.example"],
    others: ["https://munchen.example"],
  },
  { matcher: "[::1]", meant: ["http://[::1]:8080", "http://[0:0:0:0:0:0:0:1]"], others: ["http://[::2]", "http://127.0.0.1"] },
  { matcher: "127.0.0.1", meant: ["http://127.0.0.1:1", "http://127.1", "http://0x7f.1"], others: ["http://127.0.0.2"] },
  {
    matcher: /^https:\/\/[a-z]+\.corp\.example$/g,
    meant: ["https://a.corp.example/path", "https://b.corp.example:443"],
    others: ["https://a.corp.example:8443", "http://a.corp.example"],
  },
  {
    matcher: /^http:\/\/\[::1\](?::\d+)?$/,
    meant: ["http://[::1]:8080", "http://[::1]"],
    others: ["https://[::1]", "http://[::2]"],
  },
  { matcher: (url) => url.includes("/internal/"), meant: ["https://x.example/internal/a"], others: ["https://x.example/a"] },
  {
    matcher: () => {
      throw new Error("a matcher of the user's");
    },
    meant: [],
    others: ["https://x.example"],
  },
];

describe.each(TABLE)("$matcher", ({ matcher, meant, others }) => {
  const means = compileMatchers(matcher);
  it.each(meant.map((url) => [url]))("means %s", (url) => {
    // Twice: the second answer is a remembered one.
    expect([means(href(url)), means(href(url))]).toEqual([true, true]);
  });
  it.each(others.map((url) => [url]))("does not mean %s", (url) => {
    expect([means(href(url)), means(href(url))]).toEqual([false, false]);
  });
});

it("a list means whatever one of it means, an empty one nothing", () => {
  const list = compileMatchers(["a.example", /b\.example$/, (url) => url.startsWith("https://c.example")]);
  expect(["a", "b", "c", "d"].map((name) => list(`https://${name}.example/`))).toEqual([true, true, true, false]);
  expect(compileMatchers([])("https://a.example/")).toBe(false);
});

it.each([
  "",
  "https://a.example/path",
  "a.example/path",
  "*",
  "a.*.example",
  "https://user@a.example",
  "::1",
  "not a host",
  "*.",
  "http://",
])("%j is refused, with what to write instead", (matcher) => {
  expect(() => compileMatchers(matcher)).toThrow(TypeError);
  expect(() => compileMatchers(matcher)).toThrow("means no host; use an origin");
});

it("the model providers are known by their public hosts, and by no others", () => {
  const isProvider = compileMatchers(modelProviderHosts);
  for (const url of [
    "https://api.openai.com/v1/responses",
    "https://api.anthropic.com/v1/messages",
    "https://generativelanguage.googleapis.com/v1beta/models",
    "https://europe-west4-aiplatform.googleapis.com/v1/x",
    "https://bedrock-runtime.us-east-1.amazonaws.com/model/x/invoke",
    "https://bedrock-agent-runtime.eu-central-1.amazonaws.com/",
    "https://bedrock-runtime.eu-central-1.api.aws/",
    "https://vpce-0123abc-4567def.bedrock-runtime.us-east-1.vpce.amazonaws.com/",
    "https://aiplatform.us-central1.rep.googleapis.com/v1/x",
    "https://my-resource.openai.azure.com/openai/deployments/x",
    "https://api.mistral.ai/v1/chat/completions",
    "https://openrouter.ai/api/v1",
  ]) {
    expect(isProvider(url), url).toBe(true);
  }
  for (const url of [
    "https://api.openai.com.evil.example/",
    "https://s3.us-east-1.amazonaws.com/",
    "https://lambda.us-east-1.api.aws/",
    "https://bedrock-runtime.us-east-1.api.aws.evil.example/",
    "https://storage.googleapis.com/",
    "https://agents.corp.example/api.openai.com",
    "http://127.0.0.1:11434/api/chat",
  ]) {
    expect(isProvider(url), url).toBe(false);
  }
});
