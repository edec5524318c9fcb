import { Miniflare } from "miniflare";
import { bundleWorker, compatibility } from "./bundle-worker.mjs";

const script = await bundleWorker("worker.mjs");
const worker = new Miniflare({ modules: true, script, ...compatibility, host: "127.0.0.1", port: 0 });
console.log((await worker.ready).origin);
