// @sentry/node, whose events go nowhere; loaded before the client, by `--import`.
import * as Sentry from "@sentry/node";
import { registerPeer } from "../stacks/peer.ts";

Sentry.init({
  dsn: "http://public@127.0.0.1:1/1",
  tracesSampleRate: 1,
  tracePropagationTargets: [/.*/],
  propagateTraceparent: true,
  transport: () => ({ send: async () => ({}), flush: async () => true }),
});

registerPeer({
  within: (work) => Sentry.startSpan({ name: "handle a request", forceTransaction: true }, work),
  settle: async () => void (await Sentry.flush()),
});
