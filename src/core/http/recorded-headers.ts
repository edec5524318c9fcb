import { readHeader } from "../propagation/carrier.ts";
import { redactHeader } from "./redaction.ts";

/** A header to record: its name in lower case, and the name of its attribute. */
export interface RecordedHeader {
  readonly name: string;
  readonly attribute: string;
}

/** The headers that the option `headersToSpanAttributes` names, with their attributes `http.request.header.<name>` or `http.response.header.<name>`. */
export function recordedHeaders(side: "request" | "response", names: readonly string[] = []): RecordedHeader[] {
  return names.map((given) => {
    const name = given.toLowerCase();
    return { name, attribute: `http.${side}.header.${name}` };
  });
}

/** The attributes of the recorded headers that are present, redacted. */
export function headerAttributes(
  recorded: readonly RecordedHeader[],
  headers: unknown,
  sensitive: RegExp | undefined,
): Record<string, string[]> {
  const attributes: Record<string, string[]> = {};
  for (const { name, attribute } of recorded) {
    const value = readHeader(headers, name);
    if (value !== undefined) attributes[attribute] = [redactHeader(name, value, sensitive)];
  }
  return attributes;
}
