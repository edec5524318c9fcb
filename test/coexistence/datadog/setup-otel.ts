import { default as tracer } from "dd-trace";
import { onFlush } from "./flush.ts";

tracer.init();
new tracer.TracerProvider().register();
// It sends every two seconds.
onFlush(() => new Promise((resolve) => setTimeout(resolve, 2600)));
