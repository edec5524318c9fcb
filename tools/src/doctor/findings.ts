/** One thing that was looked at, and what came out. */
export interface Finding {
  /** `"error"`: a trace breaks or a span is wrong. `"warning"`: it may be meant so, or something is lost. `"ok"`: as it should be. */
  readonly level: "ok" | "warning" | "error";
  /** A name that stays the same from version to version: `"sdk"`, `"context-manager"`, `"round-trip"`. */
  readonly id: string;
  /** What is so, in plain words. */
  readonly message: string;
  /** What to do about it: a command, or a line of code. */
  readonly remedy?: string;
}

/** Collects findings. */
export interface Findings {
  readonly all: Finding[];
  readonly ok: (id: string, message: string) => void;
  readonly warn: (id: string, message: string, remedy?: string) => void;
  readonly error: (id: string, message: string, remedy?: string) => void;
}

/** @param redact removes the secrets from a text that is shown to people. */
export function collectFindings(redact: (text: string) => string): Findings {
  const all: Finding[] = [];
  const add = (level: Finding["level"], id: string, message: string, remedy?: string): void =>
    void all.push({ level, id, message: redact(message), ...(remedy !== undefined && { remedy: redact(remedy) }) });
  return {
    all,
    ok: (id, message) => add("ok", id, message),
    warn: (id, message, remedy) => add("warning", id, message, remedy),
    error: (id, message, remedy) => add("error", id, message, remedy),
  };
}
