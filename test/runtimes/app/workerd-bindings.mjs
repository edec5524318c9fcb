import { Miniflare } from "miniflare";
import { bundleWorker, compatibility } from "./bundle-worker.mjs";

const workers = [
  {
    name: "front",
    modules: true,
    script: await bundleWorker("front-worker.mjs"),
    ...compatibility,
    serviceBindings: { RESEARCHER: "back", PLANNER: { name: "back", entrypoint: "Planner" } },
    durableObjects: { SESSION: { className: "Session", scriptName: "back" } },
  },
  {
    name: "back",
    modules: true,
    script: await bundleWorker("back-worker.mjs"),
    ...compatibility,
    durableObjects: { SESSION: "Session" },
  },
];
const miniflare = new Miniflare({ workers, host: "127.0.0.1", port: 0 });
console.log((await miniflare.ready).origin);
