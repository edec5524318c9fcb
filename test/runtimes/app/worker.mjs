import { createService } from "./service.mjs";

const handler = createService("workerd", { errors: { refused: "Error", cut: "Error" } });

// A Worker is its module's default export.
// oxlint-disable-next-line import/no-default-export
export default { fetch: (request, env, ctx) => handler(request, env, ctx) };
