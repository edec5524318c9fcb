import * as Sentry from "@sentry/node";
import { onFlush } from "./flush.ts";

Sentry.init({
  dsn: process.env["SENTRY_LOOPBACK_DSN"] as string,
  tracesSampleRate: 1,
  enableOpenTelemetrySetup: true,
  propagateTraceparent: true,
  integrations: [
    Sentry.httpIntegration({ spans: false }),
    Sentry.nativeNodeFetchIntegration({ spans: false, tracePropagation: false }),
  ],
});
onFlush(() => Sentry.close(2000));
