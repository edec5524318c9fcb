import type { StubApi } from "./server.ts";

/** The parts of AWS that the AWS SDK is tested with: an object of S3, and the Converse API of Bedrock. */
export const aws: StubApi = (path, _body, { method, headers }) => {
  if (path.endsWith("/converse")) {
    return {
      json: {
        output: { message: { role: "assistant", content: [{ text: "done" }] } },
        stopReason: "end_turn",
        usage: { inputTokens: 3, outputTokens: 2, totalTokens: 5 },
        metrics: { latencyMs: 1 },
      },
    };
  }
  const isS3 = method === "GET" && headers["user-agent"]?.includes("api/s3") === true;
  return isS3 ? { text: "an object", type: "text/plain" } : undefined;
};
