import * as Sentry from "@sentry/node";
import { setupPropagation } from "a2a-otel/setup";
import { onFlush } from "./flush.ts";

Sentry.init({
  dsn: process.env["SENTRY_LOOPBACK_DSN"] as string,
  tracesSampleRate: 1,
  propagateTraceparent: true,
});
setupPropagation();
onFlush(() => Sentry.close(2000));
