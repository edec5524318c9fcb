import { extractEnvironment, injectEnvironment } from "a2a-otel";
import type { Environment } from "a2a-otel";
import { instrumentNode, nodeInstrumentation } from "a2a-otel/node";
import type {
  NodeInstrumentationConfig,
  NodeOptions,
  NodeRequest,
  NodeResponse,
  UndiciChannelRequest,
  UndiciChannelResponse,
} from "a2a-otel/node";
import { same } from "./type.js";

const options: NodeOptions = {
  ignoreRequestHook: (request) => {
    same<typeof request, NodeRequest>();
    if (request.client === "undici") same<typeof request.request, UndiciChannelRequest>();
    return false;
  },
  responseHook: (_span, { response }) => {
    same<typeof response, NodeResponse>();
  },
};
export const undo: () => void = instrumentNode(options);
const config: NodeInstrumentationConfig = { enabled: false };
nodeInstrumentation(config).disable();
export const readsStatus = (response: UndiciChannelResponse): number => response.statusCode;
// @ts-expect-error no such client
instrumentNode({ clients: ["axios"] });

const environment: Environment = injectEnvironment(process.env);
export const extracted = extractEnvironment(environment);
