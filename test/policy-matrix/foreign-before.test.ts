import { foreignMatrix } from "./foreign.ts";

foreignMatrix("foreign instrumentation first");
