// dd-trace with an agent address that does not exist. Loaded with `--import`, before the client.
import { default as tracer } from "dd-trace";
import { registerInstrumentation } from "../whole-clients/instrumentation.ts";

tracer.init({ url: "http://127.0.0.1:1", startupLogs: false });

registerInstrumentation({
  runInRequestSpan: (work) => tracer.trace("handle a request", {}, () => work()),
  flush: async () => {},
});
