import type { Answers, Order, Role } from "./messages.ts";

/** What this process was started as. */
export const role = JSON.parse(process.argv[2] ?? "{}") as Role;

type Handlers = { readonly [Name in Order["order"]]?: (order: Extract<Order, { order: Name }>) => Promise<Answers[Name]> };

/** Carries out the orders of the parent process, one after the other, and answers each. */
export function obey(handlers: Handlers): void {
  process.on("message", (order: Order) => {
    const handle = handlers[order.order] as ((order: Order) => Promise<unknown>) | undefined;
    void handle?.(order).then(
      (answer) => process.send?.({ answer }),
      (error: unknown) => process.send?.({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    );
  });
  process.on("disconnect", () => process.exit(0));
}
