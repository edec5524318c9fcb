import * as fc from "fast-check";
import type { Carried, Member, Trace } from "./model.ts";
import { SENSITIVE, headersOf } from "./model.ts";

/** A request that every client can make, and the context in which it is made. */
export interface Asked {
  method: string;
  /** Normalised, with the query. The first segment is the status of the response. */
  path: string;
  status: number;
  /** The caller's headers; names are unique. */
  headers: [name: string, value: string][];
  body: string | undefined;
  active: Carried;
  /** Trace context and baggage that the caller sets as headers. */
  byHand: Carried;
  /** The letter case of these headers: lower case, first letter capitalised, upper case. */
  letters: 0 | 1 | 2;
  /** Whether headers are recorded (`headersToSpanAttributes`). */
  recorded: boolean;
}

const hex = (digits: number): fc.Arbitrary<string> =>
  fc.bigInt({ min: 1n, max: 16n ** BigInt(digits) - 1n }).map((number) => number.toString(16).padStart(digits, "0"));

const STATE = fc.uniqueArray(fc.tuple(fc.constantFrom("vendor", "rojo", "a@b", "t-1"), fc.stringMatching(/^[!-+\--<>-~]{1,12}$/)), {
  selector: ([key]) => key,
  maxLength: 3,
});

const traceWith = (...flags: number[]): fc.Arbitrary<Trace> =>
  fc.record({ traceId: hex(32), spanId: hex(16), flags: fc.constantFrom(...flags), state: STATE });

export const KEYS: string[] = ["user", "tenant", "session.id", "x_1", "B-2"];

const MEMBERS: fc.Arbitrary<Member[]> = fc.uniqueArray(
  fc.record({
    key: fc.constantFrom(...KEYS),
    value: fc.oneof(fc.constantFrom("1", "a b", "ä漢😀", "50%", "a,b;c=d", '"quoted"'), fc.string({ minLength: 1, maxLength: 10 })),
    metadata: fc.constantFrom(undefined, undefined, "property", "a=1"),
  }),
  { selector: ({ key }) => key, maxLength: 3 },
);

const carried = (trace: fc.Arbitrary<Trace>): fc.Arbitrary<Carried> =>
  fc.record({ trace: fc.option(trace, { nil: undefined, freq: 2 }), baggage: MEMBERS });

export const ACTIVE: fc.Arbitrary<Carried> = carried(traceWith(0, 1, 1, 1));
// A traceparent header can have the random flag.
const BY_HAND: fc.Arbitrary<Carried> = carried(traceWith(0, 1, 2, 3));

const LOOKALIKES = ["Sig", "sig2", "mysig", "si%67", "signature", "X-Amz-Signature2", "q", "url", ""];
const VALUES = ["", "secret", "a=b", "?sig=x", "x;y", "http://user:pass@host/", "a@b", "%26sig=1", "é"];

/** A query with its question mark, or an empty string, with keys of signed URLs and keys that resemble them. */
export const QUERY: fc.Arbitrary<string> = fc
  .array(
    fc
      .tuple(
        fc.oneof(fc.constantFrom(...SENSITIVE), fc.constantFrom(...LOOKALIKES)),
        fc.oneof(fc.constantFrom(...VALUES), fc.webQueryParameters({ size: "small" })),
        fc.constantFrom("=", "=", "=", ""),
      )
      .map(([key, value, equals]) => key + equals + value),
    { maxLength: 4 },
  )
  .map((pairs) => (pairs.length === 0 ? "" : `?${pairs.join("&")}`));

const PATH: fc.Arbitrary<string> = fc
  .tuple(
    fc.constantFrom("200", "200", "200", "204", "404", "500"),
    fc.oneof(
      fc.constantFrom("", "/", "/a/../b", "//twice", "/a@b", "//u:p@h/", "/漢", "/sig=1&sig=2"),
      fc.webPath({ size: "small" }),
    ),
    QUERY,
  )
  .map(([status, rest, query]) => {
    const { pathname, search } = new URL(`http://host.example/${status}${rest}${query}`);
    return pathname + search;
  });

const NAMES = ["X-Agent", "x-other", "Authorization", "X-Api-Key", "Accept"];

export const REQUEST: fc.Arbitrary<Asked> = fc
  .record({
    method: fc.constantFrom("GET", "GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "PURGE"),
    path: PATH,
    headers: fc.uniqueArray(fc.tuple(fc.constantFrom(...NAMES), fc.stringMatching(/^[!-~]([ -~]{0,12}[!-~])?$/)), {
      selector: ([name]) => name,
    }),
    text: fc.constantFrom(undefined, "body", "ä".repeat(100), '{"jsonrpc":"2.0","method":"message/send"}'),
    active: ACTIVE,
    byHand: BY_HAND,
    letters: fc.constantFrom(0 as const, 1 as const, 2 as const),
    recorded: fc.boolean(),
  })
  .map(({ text, ...request }) => ({
    ...request,
    body: request.method === "GET" || request.method === "HEAD" || request.method === "OPTIONS" ? undefined : text,
    status: statusOf(request.path),
  }));

/** The status of the server's response to a path. */
export function statusOf(path: string): number {
  const status = Number(path.slice(1, 4));
  return /^\/\d{3}(?:[/?]|$)/.test(path) && [200, 204, 404, 500].includes(status) ? status : 200;
}

/** All headers of a request. */
export function headersWith({ headers, byHand, letters }: Asked): [name: string, value: string][] {
  const spelled = (name: string): string =>
    letters === 0 ? name : letters === 1 ? name[0]!.toUpperCase() + name.slice(1) : name.toUpperCase();
  return [...headers, ...headersOf(byHand).map(([name, value]): [string, string] => [spelled(name), value])];
}

/** The body in a shape. The body of a DELETE stays a string, because Node's client sends a body of unknown length without framing. */
export function bodyOf({ method, body }: Asked, shape: (body: string | undefined) => unknown): unknown {
  return method === "DELETE" ? body : shape(body);
}
