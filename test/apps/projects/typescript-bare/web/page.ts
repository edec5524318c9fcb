import { injectTraceContext } from "a2a-otel";
import { instrumentFetch, wrapFetch } from "a2a-otel/fetch";

export const undo = instrumentFetch({ propagateTo: [location.origin] });
export const traced = wrapFetch(fetch);
export const stored = injectTraceContext(new Headers());
