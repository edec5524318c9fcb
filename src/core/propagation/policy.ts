import { ROOT_CONTEXT, propagation } from "@opentelemetry/api";
import type { Baggage, Context } from "@opentelemetry/api";
import { BAGGAGE, sizeOf } from "./baggage.ts";
import { warnOnce } from "../telemetry/diagnostics.ts";
import { compileMatchers, ownOriginTest } from "./matchers.ts";
import type { UrlTest } from "./matchers.ts";
import { matchesModelProvider } from "./model-providers.ts";
import type { ClientOptions } from "../telemetry/options.ts";
import { inject } from "./propagator.ts";
import type { Propagation } from "./propagator.ts";

/**
 * Which URLs may receive trace context and baggage. A policy is made from the options of one instrumentation; where several are stacked, the
 * policy of the request is their intersection ({@link intersectPolicies}).
 */
export interface Policy {
  /** Trace context is sent to URLs that all of these admit; if there are none, to those that {@link defaultTrace} admits. */
  readonly trace: readonly UrlTest[];
  /** Baggage is sent to URLs that all of these admit; if there are none, to those that receive trace context and are no model provider. */
  readonly baggage: readonly UrlTest[];
  /** The only baggage members that are sent; undefined: all. */
  readonly keys: ReadonlySet<string> | undefined;
  /** In a browser only the page's own origin receives trace context by default; elsewhere this is undefined and every URL does. */
  readonly defaultTrace: UrlTest | undefined;
}

// W3C Baggage section 3.3.2: every platform must propagate this much; more may be dropped on the way, in the middle of a member.
const MAX_MEMBERS = 64;
const MAX_BYTES = 8192;

/**
 * Compiles the policy options of a client.
 *
 * @param caller the public function whose options these are, for error messages.
 * @throws TypeError for a matcher that is not a host or an origin.
 */
export function compilePolicy(
  caller: string,
  options: Pick<ClientOptions, "propagateTo" | "baggageTo" | "baggageKeys" | "modelProviders">,
): Policy {
  const compile = (name: "propagateTo" | "baggageTo" | "modelProviders"): UrlTest | undefined => {
    const matchers = options[name];
    return matchers === undefined ? undefined : compileOption(caller, name, () => compileMatchers(matchers));
  };
  const tracing = compile("propagateTo");
  // A stated `propagateTo` restricts baggage too. Only an instrumentation that states neither leaves the choice to those that it is stacked with.
  const providers = compile("modelProviders");
  const baggage = compile("baggageTo") ?? defaultBaggage(tracing, providers);
  return {
    trace: tracing === undefined ? [] : [tracing],
    baggage: baggage === undefined ? [] : [baggage],
    keys: options.baggageKeys && new Set(options.baggageKeys),
    defaultTrace: ownOriginTest(),
  };
}

/** Adds the option's name to an error in one of its matchers. */
export function compileOption<Compiled>(caller: string, name: string, compile: () => Compiled): Compiled {
  try {
    return compile();
  } catch (error) {
    throw new TypeError(`${caller}: option "${name}": ${(error as Error).message}`, { cause: error });
  }
}

/** The default of `baggageTo`; undefined if no option states anything about it. */
function defaultBaggage(tracing: UrlTest | undefined, providers: UrlTest | undefined): UrlTest | undefined {
  if (tracing === undefined && providers === undefined) return undefined;
  const admitted = tracing ?? ownOriginTest();
  return (url) => (admitted === undefined || admitted(url)) && !matchesModelProvider(url) && providers?.(url) !== true;
}

/** The policy that admits what both policies admit. A default applies only where neither states anything. */
export function intersectPolicies(a: Policy, b: Policy): Policy {
  const keys = intersectKeys(a.keys, b.keys);
  if (isContained(b.trace, a.trace) && isContained(b.baggage, a.baggage) && keys === a.keys) return a;
  return {
    trace: [...new Set([...a.trace, ...b.trace])],
    baggage: [...new Set([...a.baggage, ...b.baggage])],
    keys,
    defaultTrace: a.defaultTrace,
  };
}

/**
 * Whether a policy changes no request that is traced already.
 *
 * @param hasOwner whether the request belongs to a call of this package, whose own policy has been applied: then a default does not count.
 */
export function statesNothing({ trace, baggage, keys, defaultTrace }: Policy, hasOwner: boolean): boolean {
  return hasOwner && trace.length === 0 && baggage.length === 0 && keys === undefined && defaultTrace === undefined;
}

function intersectKeys(a: Policy["keys"], b: Policy["keys"]): Policy["keys"] {
  if (a === undefined || b === undefined) return a ?? b;
  return [...a].every((key) => b.has(key)) ? a : new Set([...a].filter((key) => b.has(key)));
}

function isContained(tests: readonly UrlTest[], others: readonly UrlTest[]): boolean {
  return tests.every((test) => others.includes(test));
}

/** Whether two URLs might receive different headers for the same context. */
export function dependsOnUrl(policy: Policy, context: Context): boolean {
  return policy.trace.length > 0 || policy.defaultTrace !== undefined || propagation.getBaggage(context) !== undefined;
}

/** Whether a URL may receive trace context. */
export function allowsTrace({ trace: tests, defaultTrace }: Policy, url: string): boolean {
  return tests.length === 0 ? defaultTrace === undefined || defaultTrace(url) : tests.every((test) => test(url));
}

/** Whether a URL may receive baggage. */
function allowsBaggage(policy: Policy, url: string): boolean {
  const { baggage: tests } = policy;
  return tests.length === 0 ? allowsTrace(policy, url) && !matchesModelProvider(url) : tests.every((test) => test(url));
}

/** The propagation headers of a context for a URL, as far as the policy allows them. Never throws. */
export function injectWithPolicy(policy: Policy, source: Propagation, context: Context, url: string): Record<string, string> {
  const baggage = propagation.getBaggage(context);
  const sentBaggage = baggage && selectBaggage(policy, baggage, url);
  const sendsTrace = allowsTrace(policy, url);
  if (!sendsTrace && sentBaggage === undefined) return {};
  const isWhole = sendsTrace && sentBaggage === baggage;
  const sent = isWhole ? context : withBaggage(sendsTrace ? context : ROOT_CONTEXT, sentBaggage);
  const headers = inject(source, sent);
  if (!sendsTrace) removeAllBut(headers, BAGGAGE);
  if (headers[BAGGAGE] !== undefined) {
    // A propagator may write members that are not in the context (Sentry's does).
    if (!isWhole || baggage === undefined) headers[BAGGAGE] = selectBaggageHeader(policy, headers[BAGGAGE], url);
    truncateBaggage(headers, sentBaggage);
  } else if (sentBaggage !== undefined && source.fields.includes(BAGGAGE)) warnDropped();
  return headers;
}

function removeAllBut(headers: Record<string, string>, name: string): void {
  for (const other of Object.keys(headers)) if (other !== name) delete headers[other];
}

/** The members of a baggage header that a URL may receive, also members that did not come from the context; an empty string if there are none. */
export function selectBaggageHeader(policy: Policy, header: string, url: string): string {
  if (!allowsBaggage(policy, url)) return "";
  const { keys } = policy;
  if (keys === undefined) return header;
  const members = header.split(",");
  const allowed = members.filter((member) => keys.has(decodeKey(member)));
  return allowed.length === members.length ? header : allowed.join(",");
}

function decodeKey(member: string): string {
  const key = member.replace(/[=;].*$/s, "").trim();
  try {
    return decodeURIComponent(key);
  } catch {
    return key;
  }
}

function withBaggage(context: Context, baggage: Baggage | undefined): Context {
  return baggage === undefined ? propagation.deleteBaggage(context) : propagation.setBaggage(context, baggage);
}

/** The members that may be sent to a URL; the given baggage itself if all may. */
function selectBaggage(policy: Policy, baggage: Baggage, url: string): Baggage | undefined {
  if (!allowsBaggage(policy, url)) return undefined;
  const { keys } = policy;
  if (keys === undefined && sizeOf(baggage) <= MAX_MEMBERS) return baggage;
  const entries = baggage.getAllEntries();
  const allowed = keys === undefined ? entries : entries.filter(([key]) => keys.has(key));
  if (allowed.length > MAX_MEMBERS) warnDropped();
  if (allowed.length === entries.length && entries.length <= MAX_MEMBERS) return baggage;
  return allowed.length === 0 ? undefined : propagation.createBaggage(Object.fromEntries(allowed.slice(0, MAX_MEMBERS)));
}

/** The last header of a baggage that was found to be within the limits: a service sends the same baggage again and again. */
const validated = new WeakMap<Baggage, string>();

/** Drops whole members of a baggage header that is too long, and warns if members were dropped, by this or by the propagator. */
function truncateBaggage(headers: Record<string, string>, baggage: Baggage | undefined): void {
  const header = headers[BAGGAGE];
  if (header === undefined || (baggage !== undefined && validated.get(baggage) === header)) return;
  let sent = header;
  while (sent.length > MAX_BYTES) sent = sent.slice(0, Math.max(0, sent.lastIndexOf(",")));
  const members = sent === "" ? 0 : sent.split(",").length;
  if (sent !== header || members < (baggage === undefined ? 0 : sizeOf(baggage))) warnDropped();
  else if (baggage !== undefined) validated.set(baggage, header);
  if (sent === "") delete headers[BAGGAGE];
  else headers[BAGGAGE] = sent;
}

function warnDropped(): void {
  warnOnce(
    `Baggage of more than ${MAX_MEMBERS} members or ${MAX_BYTES} bytes, or with a member too long for the propagator, was truncated: whole members were dropped.`,
  );
}
