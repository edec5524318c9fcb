// dd-trace, whose agent is nowhere; loaded before the client, by `--import`.
import { default as tracer } from "dd-trace";
import { registerPeer } from "../stacks/peer.ts";

tracer.init({ url: "http://127.0.0.1:1", startupLogs: false });

registerPeer({
  within: (work) => tracer.trace("handle a request", {}, () => work()),
  settle: async () => {},
});
