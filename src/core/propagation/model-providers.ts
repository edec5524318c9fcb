import { parseUrl } from "../http/urls.ts";
import { compileMatchers } from "./matchers.ts";
import type { Matcher, UrlTest } from "./matchers.ts";

/**
 * The public model APIs that agents call. They receive no baggage by default, because baggage may describe users and conversations. Hosts that contain
 * the name of a customer or a region are matched by a pattern.
 */
export const modelProviderHosts: readonly Matcher[] = [
  "api.openai.com",
  "*.api.openai.com",
  "*.openai.azure.com",
  "*.services.ai.azure.com",
  "*.cognitiveservices.azure.com",
  "*.inference.ai.azure.com",
  "models.inference.ai.azure.com",
  "models.github.ai",
  "api.githubcopilot.com",
  "api.anthropic.com",
  "generativelanguage.googleapis.com",
  "aiplatform.googleapis.com",
  /^https:\/\/[a-z0-9-]+-aiplatform\.googleapis\.com$/,
  /^https:\/\/aiplatform\.[a-z0-9-]+\.rep\.googleapis\.com$/,
  /^https:\/\/(?:[a-z0-9-]+\.)?bedrock(?:-[a-z]+)*\.[a-z0-9-]+\.(?:vpce\.)?(?:amazonaws\.com(?:\.cn)?|api\.aws)$/,
  "api.mistral.ai",
  "codestral.mistral.ai",
  "api.cohere.com",
  "api.cohere.ai",
  "api.groq.com",
  "api.together.xyz",
  "api.together.ai",
  "api.fireworks.ai",
  "openrouter.ai",
  "api.deepseek.com",
  "api.x.ai",
  "api.perplexity.ai",
  "api.cerebras.ai",
  "api.sambanova.ai",
  "api.replicate.com",
  "api-inference.huggingface.co",
  "router.huggingface.co",
  "*.endpoints.huggingface.cloud",
  "integrate.api.nvidia.com",
  "api.ai21.com",
  "api.voyageai.com",
  "api.jina.ai",
  "api.stability.ai",
  "api.elevenlabs.io",
  "api.deepinfra.com",
  "api.novita.ai",
  "api.hyperbolic.xyz",
  "api.studio.nebius.ai",
  "api.moonshot.ai",
  "api.moonshot.cn",
  "api.minimax.io",
  "api.z.ai",
  "open.bigmodel.cn",
  "dashscope.aliyuncs.com",
  "dashscope-intl.aliyuncs.com",
  "ark.cn-beijing.volces.com",
  "api.siliconflow.cn",
  "api.siliconflow.com",
  "*.ml.cloud.ibm.com",
  "gateway.ai.cloudflare.com",
  "ai-gateway.vercel.sh",
];

let compiled: UrlTest | undefined;

/** Whether a normalised URL (`URL.href`) is that of a public model API. Compiled at first use: that takes a millisecond of a process's start. */
export const matchesModelProvider: UrlTest = (url) => {
  compiled ??= compileMatchers(modelProviderHosts);
  return compiled(url);
};

/**
 * Whether a URL is that of a public model API (`modelProviderHosts`), for use in a policy of your own. False for text that is not an absolute URL.
 *
 * @example
 * instrumentFetch({ baggageTo: (url) => !isModelProvider(url) && new URL(url).hostname !== "llm.corp.example" });
 */
export function isModelProvider(url: string | URL): boolean {
  const parsed = parseUrl(String(url));
  return parsed !== undefined && matchesModelProvider(parsed.href);
}
