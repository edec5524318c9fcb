import type { HostName } from "./policies.ts";

/** The way that a call takes: the hosts that it reaches one after the other, by redirects. */
export interface Route {
  readonly name: string;
  readonly hosts: readonly HostName[];
  readonly redirect: 302 | 307;
  readonly method: "GET" | "POST";
  /** Whether the last host answers 503 the first time, so that the client sends again. */
  readonly retried: boolean;
}

const GET_302 = { redirect: 302, method: "GET", retried: false } as const;

export const DIRECT_TO_A: Route = { ...GET_302, name: "A", hosts: ["A"] };
export const DIRECT_TO_B: Route = { ...GET_302, name: "B", hosts: ["B"] };

export const ROUTES: readonly Route[] = [
  DIRECT_TO_A,
  DIRECT_TO_B,
  { ...GET_302, name: "A, 302 to A", hosts: ["A", "A"] },
  { ...GET_302, name: "A, 302 to B", hosts: ["A", "B"] },
  { ...GET_302, name: "A, 302 to B, 302 to A", hosts: ["A", "B", "A"] },
  { name: "A, 307 to B, 307 to A", hosts: ["A", "B", "A"], redirect: 307, method: "POST", retried: false },
  { ...GET_302, name: "B with a 503 first", hosts: ["B"], retried: true },
  { ...GET_302, name: "A, 302 to B with a 503 first", hosts: ["A", "B"], retried: true },
];

/** How the last response of a route ends. */
export type BodyEnd = "short body" | "body of 100 ms" | "cut body";
