import { getDiagnostics, redactText } from "a2a-otel/diagnostics";
import type { DiagnosticCall, Diagnostics, PropagationSetup } from "a2a-otel/diagnostics";
import { same } from "./type.js";

const diagnostics = getDiagnostics();
same<typeof diagnostics, Diagnostics>();
diagnostics.activeCalls satisfies readonly DiagnosticCall[];
diagnostics.propagation satisfies PropagationSetup;
export const fields: readonly string[] = diagnostics.fields;
export const text: string = redactText("http://user:password@agent.example/");
