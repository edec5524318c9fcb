import { metrics, trace } from "@opentelemetry/api";
import type { MeterProvider, TracerProvider } from "@opentelemetry/api";
import { VERSION } from "../../core/telemetry/version.ts";

interface Providers {
  readonly tracerProvider?: TracerProvider | undefined;
  readonly meterProvider?: MeterProvider | undefined;
}

/** OpenTelemetry's `Instrumentation` (`@opentelemetry/instrumentation`), structurally. */
export interface Instrumentation<Config> {
  readonly instrumentationName: string;
  readonly instrumentationVersion: string;
  enable(): void;
  disable(): void;
  setConfig(config: Config): void;
  getConfig(): Config & { enabled: boolean };
  setTracerProvider(provider: TracerProvider): void;
  setMeterProvider(provider: MeterProvider): void;
}

/**
 * Makes an instrumentation out of a function that installs one.
 *
 * @param install installs the instrumentation and returns the function that undoes it. It throws for invalid options.
 */
export function makeInstrumentation<Options extends Providers>(
  given: Options & { readonly enabled?: boolean | undefined },
  check: (options: Options) => void,
  install: (options: Options) => () => void,
): Instrumentation<Options & { readonly enabled?: boolean | undefined }> {
  let options = withoutEnabled(given);
  let providers: Providers = {};
  let undo: (() => void) | undefined;
  check(options);

  /** An option of the application takes precedence over what an SDK sets. */
  const start = (): void => {
    undo = install({ ...providers, ...definedOptions(options) });
  };
  const restart = (): void => {
    if (undo === undefined) return;
    undo();
    undo = undefined;
    start();
  };
  return {
    instrumentationName: "a2a-otel",
    instrumentationVersion: VERSION,
    enable() {
      if (undo === undefined) start();
    },
    disable() {
      undo?.();
      undo = undefined;
    },
    setConfig(config) {
      const next = withoutEnabled(config);
      check(next);
      options = next;
      restart();
      if (config.enabled === false) this.disable();
    },
    getConfig: () => ({ ...options, enabled: undo !== undefined }),
    setTracerProvider(provider) {
      // The global provider is looked up for each call, because it may be replaced.
      providers = { ...providers, tracerProvider: provider === trace.getTracerProvider() ? undefined : provider };
      restart();
    },
    setMeterProvider(provider) {
      providers = { ...providers, meterProvider: provider === metrics.getMeterProvider() ? undefined : provider };
      restart();
    },
  };
}

function withoutEnabled<Options extends object>(config: Options & { enabled?: unknown }): Options {
  const options = { ...config };
  delete options.enabled;
  return options;
}

function definedOptions<Options extends object>(options: Options): Options {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Options;
}
