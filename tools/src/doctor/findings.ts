/** The result of one check. */
export interface Finding {
  /** `"error"`: a trace breaks or a span is wrong. `"warning"`: something may be lost, or may be intended. `"ok"`: no problem was found. */
  readonly level: "ok" | "warning" | "error";
  /** A name that stays the same in all versions, for programs: `"sdk"`, `"context-manager"`, `"round-trip"`. */
  readonly id: string;
  /** What was found, for people. */
  readonly message: string;
  /** What to do about it: a command, a setting, or a line of code. */
  readonly remedy?: string;
}

/** Collects findings. */
export interface Findings {
  readonly all: Finding[];
  readonly ok: (id: string, message: string) => void;
  readonly warn: (id: string, message: string, remedy?: string) => void;
  readonly error: (id: string, message: string, remedy?: string) => void;
}

/** @param redact removes credentials from a text; it is applied to every message and remedy. */
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
