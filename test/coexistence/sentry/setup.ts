import * as Sentry from "@sentry/node";
import { onFlush } from "./flush.ts";

Sentry.init({
  dsn: process.env["SENTRY_LOOPBACK_DSN"] as string,
  tracesSampleRate: 1,
  propagateTraceparent: true,
});
onFlush(() => Sentry.close(2000));
