import { ROOT_CONTEXT, propagation, trace } from "@opentelemetry/api";
import type { Baggage, Context } from "@opentelemetry/api";
import { sizeOf } from "./baggage.ts";
import { ownOriginTest } from "./browser-origin.ts";
import { warnOnce } from "../telemetry/diagnostics.ts";
import { compileMatchers } from "./matchers.ts";
import type { UrlTest } from "./matchers.ts";
import { modelProviderHosts } from "./model-providers.ts";
import type { ClientOptions } from "../telemetry/options.ts";
import { BAGGAGE, inject } from "./propagator.ts";
import type { Propagation } from "./propagator.ts";

/** Who may receive what of a context; undefined: everyone, everything. */
export interface Policy {
  readonly trace: UrlTest | undefined;
  readonly baggage: UrlTest;
  readonly keys: ReadonlySet<string> | undefined;
}

// W3C Baggage section 3.3.2: what every platform must carry; more may be dropped by anyone on the way, in the middle of a member.
const MEMBERS = 64;
const BYTES = 8192;

const isModelProvider = compileMatchers(modelProviderHosts);

/**
 * Reads the policy out of a client's options, for the function that is named.
 *
 * @throws TypeError for a matcher that means no host.
 */
export function policyOf(caller: string, options: Pick<ClientOptions, "propagateTo" | "baggageTo" | "baggageKeys">): Policy {
  const compiled = (name: "propagateTo" | "baggageTo"): UrlTest | undefined => {
    const matchers = options[name];
    try {
      return matchers === undefined ? undefined : compileMatchers(matchers);
    } catch (error) {
      throw new TypeError(`${caller}: option "${name}": ${(error as Error).message}`, { cause: error });
    }
  };
  const mayTrace = compiled("propagateTo") ?? ownOriginTest();
  return {
    trace: mayTrace,
    baggage: compiled("baggageTo") ?? ((url) => (mayTrace === undefined || mayTrace(url)) && !isModelProvider(url)),
    keys: options.baggageKeys && new Set(options.baggageKeys),
  };
}

/** The headers of a context that a URL may receive. Never throws. */
export function injectWithPolicy(policy: Policy, source: Propagation, context: Context, url: string): Record<string, string> {
  const baggage = propagation.getBaggage(context);
  const leaving = baggage && leavingBaggage(policy, baggage, url);
  const mayTrace = policy.trace === undefined || policy.trace(url);
  if (!mayTrace && leaving === undefined) return {};
  const base = mayTrace ? context : ROOT_CONTEXT;
  return truncateBaggage(inject(source, leaving === baggage && mayTrace ? context : withBaggage(base, leaving)), leaving, source);
}

function withBaggage(context: Context, baggage: Baggage | undefined): Context {
  return baggage === undefined ? propagation.deleteBaggage(context) : propagation.setBaggage(context, baggage);
}

/** The members that may leave; the very same baggage where all may. */
function leavingBaggage({ baggage: mayReceive, keys }: Policy, baggage: Baggage, url: string): Baggage | undefined {
  if (!mayReceive(url)) return undefined;
  if (keys === undefined && sizeOf(baggage) <= MEMBERS) return baggage;
  const entries = baggage.getAllEntries();
  const admitted = keys === undefined ? entries : membersOf(entries, keys);
  if (admitted.length > MEMBERS) warnDropped();
  if (admitted.length === entries.length && entries.length <= MEMBERS) return baggage;
  return admitted.length === 0 ? undefined : propagation.createBaggage(Object.fromEntries(admitted.slice(0, MEMBERS)));
}

// A function of its own: the closure would cost each call the memory for what it captures.
function membersOf(entries: Members, keys: ReadonlySet<string>): Members {
  return entries.filter(([key]) => keys.has(key));
}

type Members = ReturnType<Baggage["getAllEntries"]>;

let lastBaggage: Baggage | undefined;
let lastHeader: string | undefined;

/** Drops whole members where a header is still too long, and tells if members were dropped: the stock propagator does without those of 4 kB. */
function truncateBaggage(
  headers: Record<string, string>,
  baggage: Baggage | undefined,
  { fields }: Propagation,
): Record<string, string> {
  const header = headers[BAGGAGE];
  if (header === undefined && baggage === undefined) return headers;
  // A service hands on what it was given, mostly to many: it need not be counted again.
  if (header === lastHeader && baggage === lastBaggage) return headers;
  let kept = header ?? "";
  while (kept.length > BYTES) kept = kept.slice(0, Math.max(0, kept.lastIndexOf(",")));
  const members = kept === "" ? 0 : kept.split(",").length;
  if (members < (baggage === undefined ? 0 : sizeOf(baggage)) && fields.includes(BAGGAGE)) warnDropped();
  if (kept === header) {
    lastHeader = header;
    lastBaggage = baggage;
  } else if (kept === "") delete headers[BAGGAGE];
  else headers[BAGGAGE] = kept;
  return headers;
}

function warnDropped(): void {
  warnOnce(
    `baggage of more than ${MEMBERS} members or ${BYTES} bytes, or a member too long for the propagator, was to leave: whole members were dropped`,
  );
}

/** The part of the caller's baggage that is accepted, in the context that was extracted. */
export function acceptedBaggage(extracted: Context, base: Context, accept: boolean | readonly string[] | undefined): Context {
  if (accept === true || accept === undefined) return extracted;
  const baggage = propagation.getBaggage(extracted);
  const before = propagation.getBaggage(base);
  if (baggage === undefined || baggage === before) return extracted;
  const entries = accept === false ? [] : membersOf(baggage.getAllEntries(), new Set(accept));
  return withBaggage(extracted, entries.length === 0 ? before : propagation.createBaggage(Object.fromEntries(entries)));
}

/** What was extracted, without the caller's trace: that of the base instead. */
export function withoutCallersTrace(extracted: Context, base: Context): Context {
  const own = trace.getSpan(base);
  return own === undefined ? trace.deleteSpan(extracted) : trace.setSpan(extracted, own);
}
