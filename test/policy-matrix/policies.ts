import type { ClientOptions } from "../../src/index.ts";

/** The two servers of a cell: every call starts at A; redirects lead to B. */
export type HostName = "A" | "B";
export const HOSTS: readonly HostName[] = ["A", "B"];

/** The origins of the two servers. */
export type Origins = Readonly<Record<HostName, string>>;

/** What a policy lets a host receive. */
export interface Admitted {
  readonly trace: boolean;
  /** The admitted baggage members. */
  readonly baggage: readonly string[];
}

/** A policy, written as options and as what these options mean. */
export interface Policy {
  readonly name: string;
  /** Undefined: the client is instrumented without options. */
  readonly options: (origins: Origins) => ClientOptions | undefined;
  readonly admits: Readonly<Record<HostName, Admitted>>;
}

/** The baggage that is active in each call. */
export const BAGGAGE_KEYS: readonly string[] = ["tenant", "session"];

const EVERYTHING: Admitted = { trace: true, baggage: BAGGAGE_KEYS };
const NOTHING: Admitted = { trace: false, baggage: [] };
const TRACE_ALONE: Admitted = { trace: true, baggage: [] };
const BAGGAGE_ALONE: Admitted = { trace: false, baggage: BAGGAGE_KEYS };
const TENANT_ALONE: Admitted = { trace: true, baggage: ["tenant"] };

export const NO_OPTIONS: Policy = { name: "no options", options: () => undefined, admits: { A: EVERYTHING, B: EVERYTHING } };

export const TENANT_ONLY: Policy = {
  name: "baggageKeys: tenant",
  options: () => ({ baggageKeys: ["tenant"] }),
  admits: { A: TENANT_ALONE, B: TENANT_ALONE },
};

export const POLICIES: readonly Policy[] = [
  NO_OPTIONS,
  { name: "propagateTo: A", options: ({ A }) => ({ propagateTo: A }), admits: { A: EVERYTHING, B: NOTHING } },
  {
    name: "propagateTo: [], baggageTo: A",
    options: ({ A }) => ({ propagateTo: [], baggageTo: A }),
    admits: { A: BAGGAGE_ALONE, B: NOTHING },
  },
  { name: "baggageTo: A", options: ({ A }) => ({ baggageTo: A }), admits: { A: EVERYTHING, B: TRACE_ALONE } },
  TENANT_ONLY,
];

/** What a host may receive through several layers: what all of their policies admit. */
export function intersection(policies: readonly Policy[], host: HostName): Admitted {
  return policies
    .map(({ admits }) => admits[host])
    .reduce((all, one) => ({
      trace: all.trace && one.trace,
      baggage: all.baggage.filter((key) => one.baggage.includes(key)),
    }));
}
