import { describe, expect, it } from "vitest";
import { compileMatchers } from "../../../src/core/propagation/matchers.ts";
import { isModelProvider, modelProviderHosts } from "../../../src/index.ts";

const isProvider = compileMatchers(modelProviderHosts);

describe("modelProviderHosts", () => {
  it.each([
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
  ])("include %s", (url) => {
    expect(isProvider(url)).toBe(true);
  });

  it.each([
    "https://api.openai.com.evil.example/",
    "https://s3.us-east-1.amazonaws.com/",
    "https://lambda.us-east-1.api.aws/",
    "https://bedrock-runtime.us-east-1.api.aws.evil.example/",
    "https://storage.googleapis.com/",
    "https://agents.corp.example/api.openai.com",
    "http://127.0.0.1:11434/api/chat",
  ])("do not include %s", (url) => {
    expect(isProvider(url)).toBe(false);
  });
});

describe("the regional hosts of model providers", () => {
  it.each([
    "https://aiplatform.googleapis.com/v1/x",
    "https://us-central1-aiplatform.googleapis.com/v1/x",
    "https://bedrock.us-east-1.amazonaws.com/",
    "https://bedrock-fips.us-east-1.amazonaws.com/",
    "https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com/model/x/invoke",
    "https://bedrock-data-automation-runtime.eu-west-1.amazonaws.com/",
    "https://bedrock-runtime.cn-north-1.amazonaws.com.cn/",
  ])("include %s", (url) => {
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
  ])("do not include %s", (url) => {
    expect(isProvider(url)).toBe(false);
  });
});

describe("isModelProvider()", () => {
  it.each<[string | URL, boolean]>([
    ["https://api.openai.com/v1/responses", true],
    ["HTTPS://API.OpenAI.com", true],
    [new URL("https://api.anthropic.com/v1/messages"), true],
    ["https://agents.corp.example/", false],
    ["api.openai.com", false],
    ["/v1/responses", false],
    ["", false],
  ])("of %s is %s", (url, expected) => {
    expect(isModelProvider(url)).toBe(expected);
  });
});
