import { besideForeign } from "./foreign.ts";

await besideForeign("before");
