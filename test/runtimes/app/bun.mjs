import { createService } from "./service.mjs";

const { port } = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  fetch: createService("bun", { errors: { refused: "ECONNREFUSED", cut: "ECONNRESET" } }),
  error: (error) => new Response(`bun: ${error.message}`, { status: 500 }),
});
console.log(`http://127.0.0.1:${port}`);
