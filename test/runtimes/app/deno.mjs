import { createService } from "./service.mjs";

Deno.serve(
  {
    port: 0,
    hostname: "127.0.0.1",
    onListen: ({ port }) => console.log(`http://127.0.0.1:${port}`),
    onError: (error) => new Response(`deno: ${error.message}`, { status: 500 }),
  },
  createService("deno", { errors: { refused: "TypeError", cut: "TypeError" } }),
);
