// What makes fastify take the plugin's hooks for the whole instance is put on the function when its module is loaded.
import { traceRequests } from "a2a-otel/server/fastify";

console.log(traceRequests[Symbol.for("skip-override")]);
