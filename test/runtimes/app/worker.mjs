import { createService } from "./service.mjs";

const handler = createService("workerd", { errors: { refused: "_OTHER", cut: "_OTHER" } });

// A Worker is its module's default export.
export default { fetch: (request, env, ctx) => handler(request, env, ctx) };
