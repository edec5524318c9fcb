// @sentry/node with a transport that discards the events. Loaded with `--import`, before the client.
import * as Sentry from "@sentry/node";
import { registerInstrumentation } from "../whole-clients/instrumentation.ts";

Sentry.init({
  dsn: "http://public@127.0.0.1:1/1",
  tracesSampleRate: 1,
  tracePropagationTargets: [/.*/],
  propagateTraceparent: true,
  transport: () => ({ send: async () => ({}), flush: async () => true }),
});

registerInstrumentation({
  runInRequestSpan: (work) => Sentry.startSpan({ name: "handle a request", forceTransaction: true }, work),
  flush: async () => void (await Sentry.flush()),
});
