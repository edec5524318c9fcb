import { ROOT_CONTEXT } from "@opentelemetry/api";
import type { Context } from "@opentelemetry/api";
import type { Operation } from "./operation.ts";

const CARRIER_KEY = Symbol("a2a-otel.mcp-carrier");

/** In whose transport the active code runs, and for which request or notification. Undefined: for the connection itself. */
interface Carrier {
  readonly connection: object;
  readonly operation: Operation | undefined;
}

/** The context in which a connection's transport runs. */
export function withinTransport(context: Context, connection: object, operation: Operation | undefined): Context {
  return context.setValue(CARRIER_KEY, { connection, operation } satisfies Carrier);
}

/** The request for which a connection's transport runs in a context; undefined if it runs for none, or for one that has ended. */
export function openRequestOf(context: Context, connection: object): Operation | undefined {
  const carrier = context.getValue(CARRIER_KEY) as Carrier | undefined;
  if (carrier?.connection !== connection || carrier.operation?.isRequest !== true || carrier.operation.hasEnded) return undefined;
  return carrier.operation;
}

/**
 * The context in which a client's transport delivers a message, without what outlives its purpose: a stream that was opened by `connect()`, or by a
 * request that has ended, keeps the context that it was opened in for as long as the connection lasts.
 */
export function deliveryContext(active: Context, connection: object): Context {
  const carrier = active.getValue(CARRIER_KEY) as Carrier | undefined;
  return carrier?.connection === connection && openRequestOf(active, connection) === undefined ? ROOT_CONTEXT : active;
}
