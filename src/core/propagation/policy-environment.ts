import { environmentList } from "../telemetry/environment.ts";
import type { ClientOptions } from "../telemetry/options.ts";
import { compileMatchers } from "./matchers.ts";

type PolicyOptions = Pick<ClientOptions, "propagateTo" | "baggageTo" | "baggageKeys">;

const VARIABLES = {
  propagateTo: "A2A_OTEL_PROPAGATE_TO",
  baggageTo: "A2A_OTEL_BAGGAGE_TO",
  baggageKeys: "A2A_OTEL_BAGGAGE_KEYS",
} as const;

/**
 * The policy options that the environment sets, from comma-separated lists. Variables that are unset or empty set no option.
 *
 * @throws TypeError for a value that is neither a host nor an origin, with the variable's name.
 */
export function policyFromEnvironment(): PolicyOptions {
  const options: Partial<Record<keyof PolicyOptions, string[]>> = {};
  for (const [option, variable] of Object.entries(VARIABLES)) {
    const values = environmentList(variable);
    if (values === undefined) continue;
    if (option !== "baggageKeys") checkMatchers(variable, values);
    options[option as keyof PolicyOptions] = values;
  }
  return options;
}

function checkMatchers(variable: string, values: readonly string[]): void {
  try {
    compileMatchers(values);
  } catch (error) {
    throw new TypeError(`a2a-otel/register: environment variable ${variable}: ${(error as Error).message}`, { cause: error });
  }
}
