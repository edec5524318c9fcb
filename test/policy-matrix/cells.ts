import { NO_OPTIONS, POLICIES } from "./policies.ts";
import type { Policy } from "./policies.ts";
import { ROUTES } from "./routes.ts";
import type { BodyEnd, Route } from "./routes.ts";
import { SDK_STATES } from "./sdk-states.ts";
import type { SdkState } from "./sdk-states.ts";
import type { Placement, Stacking } from "./stackings.ts";

/**
 * What calls the client: the application, or a library that has a CLIENT span of its own, makes it active and puts its trace context into the
 * headers, as the SDKs of some model providers do. The policy applies to these headers too.
 */
export type Caller = "application" | "library that injects";

/** One combination: a value of each dimension. */
export interface Cell {
  readonly stacking: Stacking;
  readonly policy: Policy;
  readonly placement: Placement;
  readonly route: Route;
  readonly body: BodyEnd;
  readonly sdk: SdkState;
  readonly caller: Caller;
  /** Warm: calls of other traces have opened the sockets. */
  readonly sockets: "cold sockets" | "warm sockets";
}

/** The dimensions beside the stackings, with all of their values. */
const DIMENSIONS: { readonly [Name in Exclude<keyof Cell, "stacking">]: readonly Cell[Name][] } = {
  policy: POLICIES,
  placement: ["outer", "inner", "both", "outer, baggageKeys inner"],
  route: ROUTES,
  body: ["body of 100 ms", "cut body"],
  sdk: SDK_STATES,
  caller: ["application", "library that injects"],
  sockets: ["cold sockets", "warm sockets"],
};

/** All combinations that exist, of some stackings. */
export function allCells(stackings: readonly Stacking[]): Cell[] {
  let cells: Partial<Cell>[] = [{}];
  for (const [name, values] of Object.entries({ stacking: stackings, ...DIMENSIONS })) {
    cells = cells.flatMap((cell) => values.map((value) => ({ ...cell, [name]: value })));
  }
  return (cells as Cell[]).filter(isPossible);
}

function isPossible({ stacking, policy, placement, route, body }: Cell): boolean {
  if (!stacking.placements.includes(placement)) return false;
  // There are no options to place.
  if (policy === NO_OPTIONS && placement !== "outer") return false;
  // A client that retries may also do so after a cut body.
  return !route.retried || (stacking.retries && body !== "cut body");
}

/** The names of a cell's values, by dimension. */
export function labelsOf(cell: Cell): Record<keyof Cell, string> {
  const { stacking, policy, placement, route, body, sdk, caller, sockets } = cell;
  return { stacking: stacking.name, policy: policy.name, placement, route: route.name, body, sdk: sdk.name, caller, sockets };
}

/** A cell's name, which reads from the client to the socket. */
export function nameOf({ stacking, policy, placement, route, body, sdk, caller, sockets }: Cell): string {
  const where = stacking.placements.length === 1 || policy === NO_OPTIONS ? "" : ` (${placement})`;
  return [stacking.name, `${policy.name}${where}`, route.name, body, sdk.name, caller, sockets].join(" | ");
}
