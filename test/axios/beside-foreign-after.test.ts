import { besideForeign } from "./beside-foreign.ts";

besideForeign("after");
