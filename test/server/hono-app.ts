import { setTimeout as sleep } from "node:timers/promises";
import { Hono } from "hono";
import type { Context, MiddlewareHandler } from "hono";

export const ok = (c: Context): Response => c.text("ok");
const fail = (): never => {
  throw new TypeError("no");
};
const failLater = async (): Promise<Response> => {
  await sleep(1);
  throw new TypeError("no");
};
export const onward: MiddlewareHandler = (_, next) => next();
export const refuse: MiddlewareHandler = async (c, next) =>
  c.req.header("authorization") === undefined ? c.text("no", 401) : next();

/** An application with many kinds of routes and mounts. */
export function routes(app: Hono): Hono {
  app.use(onward);
  app.get("/", ok);
  app.get("/items/:id", ok);
  app.get("/pattern/:number{[0-9]+}", ok);
  app.on(["GET", "POST"], ["/one", "/two/:id"], ok);
  app.all("/any/:id", ok);
  app.get("/onward", onward);
  app.get("/missing/:id", (c) => c.notFound());
  app.get("/throws/:id", fail);
  app.get("/rejects/:id", failLater);
  app.get("/files/*", ok);
  app.use("/closed/*", refuse);
  app.get("/closed/:id", ok);
  app.use("/assets/*", async (c, next) => (c.req.path.endsWith(".png") ? c.text("asset") : next()));
  app.use("/last/*", async (c) => c.text("takes no next"));

  const items = new Hono().get("/", ok).get("/:id", ok).get("/:id/throws", fail).get("/:id/rejects", failLater);
  items.use("/:id/late", onward);
  app.route("/api/items", items);
  app.route("/tenants/:tenant", new Hono().route("/items", items));
  app.route(
    "/own",
    new Hono()
      .onError((_, c) => c.text("own", 502))
      .all("/all/:id", ok)
      .get("/throws/:id", fail),
  );
  app.basePath("/base").get("/items/:id", ok);
  app.mount("/mounted", new Hono().get("/items/:id", ok).fetch);
  return app;
}
