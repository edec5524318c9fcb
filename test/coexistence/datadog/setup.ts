import { default as tracer } from "dd-trace";
import { onFlush } from "./flush.ts";

tracer.init();
onFlush(() => new Promise((resolve) => setTimeout(resolve, 1500)));
