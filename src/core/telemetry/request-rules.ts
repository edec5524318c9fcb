import { KNOWN_METHODS } from "../http/attributes.ts";
import { recordedHeaders } from "../http/recorded-headers.ts";
import type { RecordedHeader } from "../http/recorded-headers.ts";
import { SENSITIVE_QUERY_PARAMETERS, sensitiveQuery } from "../http/redaction.ts";
import { environmentList } from "./environment.ts";
import type { SharedOptions } from "./options.ts";

/** The shared options in the form that requests need, computed once at set-up. */
export interface RequestRules {
  readonly knownMethods: ReadonlySet<string>;
  readonly sensitive: RegExp | undefined;
  readonly requestHeaders: readonly RecordedHeader[];
  readonly responseHeaders: readonly RecordedHeader[];
}

/** Computes the rules from validated options. */
export function requestRules(options: SharedOptions<never, never>): RequestRules {
  const { requestHeaders, responseHeaders } = options.headersToSpanAttributes ?? {};
  return {
    knownMethods: new Set(options.knownMethods ?? knownMethodsOfEnvironment() ?? KNOWN_METHODS),
    sensitive: sensitiveQuery(options.sensitiveQueryParameters ?? SENSITIVE_QUERY_PARAMETERS),
    requestHeaders: recordedHeaders("request", requestHeaders),
    responseHeaders: recordedHeaders("response", responseHeaders),
  };
}

function knownMethodsOfEnvironment(): string[] | undefined {
  return environmentList("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS");
}
