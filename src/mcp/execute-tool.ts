import { trace } from "@opentelemetry/api";
import type { Attributes, Context, Span } from "@opentelemetry/api";
import { EXECUTE_TOOL, GEN_AI_OPERATION_NAME, GEN_AI_TOOL_NAME } from "./message/attributes.ts";

/**
 * The active span, if a GenAI instrumentation has started it for the call of this tool. The API shows neither name nor attributes, but the span of an SDK
 * does.
 */
export function executeToolSpan(context: Context, tool: unknown): Span | undefined {
  const span = trace.getSpan(context);
  const { name, attributes = {} } = (span ?? {}) as { name?: unknown; attributes?: Attributes };
  const isToolSpan =
    attributes[GEN_AI_OPERATION_NAME] === EXECUTE_TOOL || (typeof name === "string" && name.split(" ", 1)[0] === EXECUTE_TOOL);
  if (!isToolSpan || span?.isRecording() !== true) return undefined;
  const spanTool = attributes[GEN_AI_TOOL_NAME];
  return spanTool === undefined || spanTool === tool ? span : undefined;
}
