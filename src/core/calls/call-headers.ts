import { allowsTrace, selectBaggageHeader } from "../propagation/policy.ts";
import type { Policy } from "../propagation/policy.ts";
import { BAGGAGE } from "../propagation/baggage.ts";
import { isEmpty, replacedNames } from "../propagation/propagator.ts";

interface Restriction {
  readonly policy: Policy;
  /** The policy of the instrumentation that issued the headers: what it forbids was set by the application and stays. */
  readonly issuerPolicy?: Policy | undefined;
  /** The propagation headers that the request has, by lower-case name. */
  readonly existing: Record<string, string>;
  readonly url: string;
}

/** The propagation headers of one call: those of its first request, and those that it has issued for other origins. */
export class CallHeaders {
  /** The headers that the request must have. */
  readonly values: Record<string, string>;
  /** The names of headers that must be removed from the request. */
  readonly replaced: readonly string[];
  #otherOrigins: Record<string, string>[] | undefined = undefined;

  constructor(values: Record<string, string>, replaced: readonly string[]) {
    this.values = values;
    this.replaced = replaced;
  }

  /**
   * The headers of a first request; undefined if there are none and nothing is removed.
   *
   * @param existingFields the propagator's fields that the request may have already.
   * @param removedNames names of headers that must be removed in any case.
   */
  static create(
    values: Record<string, string>,
    existingFields: readonly string[],
    removedNames: readonly string[],
  ): CallHeaders | undefined {
    const existing = replacedNames(values, existingFields);
    const replaced = removedNames.length === 0 ? existing : [...new Set([...existing, ...removedNames])];
    return replaced.length === 0 && isEmpty(values) ? undefined : new CallHeaders(values, replaced);
  }

  /** The headers that a policy takes away from a request that has some already; undefined if it allows them all. */
  static restrict({ policy, issuerPolicy, existing, url }: Restriction): CallHeaders | undefined {
    const values: Record<string, string> = {};
    const replaced: string[] = [];
    const removesTrace = !allowsTrace(policy, url) && (issuerPolicy === undefined || allowsTrace(issuerPolicy, url));
    for (const [name, value] of Object.entries(existing)) {
      if (name !== BAGGAGE) {
        if (removesTrace) replaced.push(name);
        continue;
      }
      const issued = issuerPolicy === undefined ? value : selectBaggageHeader(issuerPolicy, value, url);
      const allowed = issued === value ? selectBaggageHeader(policy, value, url) : value;
      if (allowed === value) continue;
      replaced.push(BAGGAGE);
      if (allowed !== "") values[BAGGAGE] = allowed;
    }
    return replaced.length === 0 ? undefined : new CallHeaders(values, replaced);
  }

  /** The names under which a re-send may still have headers of the call. */
  get names(): readonly string[] {
    const sets = [this.values, ...(this.#otherOrigins ?? [])];
    return [...new Set([...this.replaced, ...sets.flatMap((set) => Object.keys(set))])];
  }

  /** Whether a flat array of headers has some of the call's, and none of its names with another value. */
  areIn(headers: readonly unknown[]): boolean {
    return [this.values, ...(this.#otherOrigins ?? [])].some((set) => isIssued(set, headers));
  }

  /** Replaces the call's headers by others on a request to another origin. */
  replaceWith(values: Record<string, string>): CallHeaders {
    const { names } = this;
    (this.#otherOrigins ??= []).push(values);
    // A later attempt may have replaced the call's headers by its own already.
    return new CallHeaders(values, [...names, ...Object.keys(values)]);
  }
}

function isIssued(issued: Record<string, string>, headers: readonly unknown[]): boolean {
  let isFound = false;
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const value = issued[String(headers[i]).toLowerCase()];
    if (value === undefined) continue;
    if (value !== headers[i + 1]) return false;
    isFound = true;
  }
  return isFound;
}
