import { BedrockRuntimeClient, ConverseCommand } from "@aws-sdk/client-bedrock-runtime";
import { GetObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { MODEL_URL, askNext, serve } from "./serve.js";

const configuration = { endpoint: MODEL_URL, region: "eu-west-1", credentials: { accessKeyId: "a", secretAccessKey: "b" } };
const bedrock = new BedrockRuntimeClient({ ...configuration, requestHandler: new NodeHttpHandler() }); // by default it speaks HTTP/2
const s3 = new S3Client({ ...configuration, forcePathStyle: true });
const messages = [{ role: "user", content: [{ text: "Add 1 and 2" }] }];

async function text() {
  const { output } = await bedrock.send(new ConverseCommand({ modelId: "stub", messages }));
  return output.message.content[0].text;
}

await serve({
  text,
  retry: text,
  tools: async () => `${await askNext("add")} ${await text()}`,
  async object() {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: "bucket", Key: "key" }));
    return Body.transformToString();
  },
});
