import { default as tracer } from "dd-trace";
import { onFlush } from "./flush.ts";

tracer.init();
new tracer.TracerProvider().register();
onFlush(() => new Promise((resolve) => setTimeout(resolve, 1500)));
