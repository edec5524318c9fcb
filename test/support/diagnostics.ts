import { DiagLogLevel, diag } from "@opentelemetry/api";
import type { DiagLogger } from "@opentelemetry/api";
import { vi } from "vitest";
import type { Mock } from "vitest";
import { warned } from "../../src/core/telemetry/diagnostics.ts";

/** A diagnostic logger that records what it is called with. */
export interface DiagnosticsRecorder extends Record<keyof DiagLogger, Mock<(...args: unknown[]) => void>> {
  /** The messages of one level, without their namespace and their details. */
  readonly messages: (level: keyof DiagLogger) => unknown[];
  /** Forgets what was recorded. */
  readonly clear: () => void;
}

/** Registers a recorder as OpenTelemetry's diagnostic logger. `clearGlobals()` and the `stop()` of `startTelemetry()` unregister it. */
export function recordDiagnostics(): DiagnosticsRecorder {
  warned.clear();
  const log = (): Mock<(...args: unknown[]) => void> => vi.fn<(...args: unknown[]) => void>();
  const levels = { error: log(), warn: log(), info: log(), debug: log(), verbose: log() };
  diag.setLogger(levels, { logLevel: DiagLogLevel.ALL, suppressOverrideMessage: true });
  return {
    ...levels,
    messages: (level) => levels[level].mock.calls.map(([, message]) => message),
    clear: () => Object.values(levels).forEach((level) => level.mockClear()),
  };
}
