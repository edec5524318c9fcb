import * as conventions from "@opentelemetry/semantic-conventions";
import * as incubating from "@opentelemetry/semantic-conventions/incubating";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as attributes from "../../../src/core/http/attributes.ts";
import { KNOWN_METHODS } from "../../../src/core/http/attributes.ts";
import {
  SENSITIVE_QUERY_PARAMETERS,
  redactHeader,
  redactText,
  redactUrl,
  sensitiveQuery,
} from "../../../src/core/http/redaction.ts";
import { errorType } from "../../../src/core/http/errors.ts";
import { originOf } from "../../../src/core/http/urls.ts";

describe("names", () => {
  const names = Object.entries<unknown>(attributes).filter(([, value]) => typeof value === "string" && value.includes("."));
  const known: Record<string, unknown> = { ...incubating, ...conventions };
  it.each(names)("%s is what the conventions say", (name, value) => {
    expect([known[`ATTR_${name}`], known[`METRIC_${name}`]]).toContain(value);
  });
  it("those of stable conventions are all there", () => {
    expect(names.length).toBeGreaterThanOrEqual(19);
    expect(attributes.OTHER_METHOD).toBe(conventions.HTTP_REQUEST_METHOD_VALUE_OTHER);
  });
  it("the known methods are RFC 9110's, PATCH and QUERY", () => {
    const methods = ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"];
    expect(KNOWN_METHODS.toSorted()).toEqual(methods);
  });
});

const SENSITIVE = sensitiveQuery(SENSITIVE_QUERY_PARAMETERS);
describe("url.full", () => {
  it.each([
    ["https://a.example/", "https://a.example/"],
    ["https://user:pass@a.example/p", "https://REDACTED:REDACTED@a.example/p"],
    ["https://user@a.example/p", "https://REDACTED:REDACTED@a.example/p"],
    ["https://:pass@a.example", "https://REDACTED:REDACTED@a.example"],
    ["https://us%40er:p%3Ass@[::1]:80/p", "https://REDACTED:REDACTED@[::1]:80/p"],
    ["https://a.example/@user:pass@b", "https://a.example/@user:pass@b"],
    ["https://a.example/?q=me@b.example#x@y", "https://a.example/?q=me@b.example#x@y"],
    ["https://a.example?sig=1", "https://a.example?sig=REDACTED"],
    ["https://a.example/?sig=a%20b&x=1", "https://a.example/?sig=REDACTED&x=1"],
    ["https://a.example/?x=1&sig=", "https://a.example/?x=1&sig=REDACTED"],
    ["https://a.example/?sig", "https://a.example/?sig"],
    ["https://a.example/?sig=1&sig=2#sig=3", "https://a.example/?sig=REDACTED&sig=REDACTED#sig=3"],
    ["https://a.example/?SIG=1&sigs=2&asig=3&si=4", "https://a.example/?SIG=1&sigs=2&asig=3&si=4"],
    ["https://a.example/sig=1/?a=sig=1", "https://a.example/sig=1/?a=sig=1"],
    ["https://a.example/?sig=a=b=c?d", "https://a.example/?sig=REDACTED"],
    [
      "https://s3.example/k?X-Amz-Credential=c&X-Amz-Date=d&X-Amz-Security-Token=t&X-Amz-Signature=s",
      "https://s3.example/k?X-Amz-Credential=REDACTED&X-Amz-Date=d&X-Amz-Security-Token=REDACTED&X-Amz-Signature=REDACTED",
    ],
    [
      "https://g.example/?AWSAccessKeyId=1&Signature=2&X-Goog-Signature=3&Expires=4",
      "https://g.example/?AWSAccessKeyId=REDACTED&Signature=REDACTED&X-Goog-Signature=REDACTED&Expires=4",
    ],
  ])("%s", (url, redacted) => {
    expect(redactUrl(url, SENSITIVE)).toBe(redacted);
  });

  it("a list of one's own replaces the default; an empty one redacts nothing; names are no patterns", () => {
    expect(redactUrl("https://a.example/?sig=1&a.b=2&axb=3", sensitiveQuery(["a.b"]))).toBe(
      "https://a.example/?sig=1&a.b=REDACTED&axb=3",
    );
    expect(redactUrl("https://a.example/?sig=1", sensitiveQuery([]))).toBe("https://a.example/?sig=1");
  });

  it("user info is redacted and the rest stays, whatever it is; redacting again changes nothing", () => {
    const rest = fc.stringMatching(/^[a-z0-9.?&=#@:%-]{0,40}$/);
    const userInfo = fc.stringMatching(/^[A-Z%:@!$]{0,12}$/);
    fc.assert(
      fc.property(rest, userInfo, (text, secret) => {
        const redacted = redactUrl(`https://${secret}@a.example/${text}`, sensitiveQuery([]));
        expect(redacted).toBe(`https://REDACTED:REDACTED@a.example/${text}`);
        expect(redactUrl(redacted, SENSITIVE)).toBe(redactUrl(redactUrl(redacted, SENSITIVE), SENSITIVE));
      }),
      { numRuns: 100 },
    );
  });

  it("URLs in a text lose their secrets too", () => {
    expect(redactText('connect to https://u:p@h.example/?sig=1&a=2 failed, then "http://x:y@z/"', SENSITIVE)).toBe(
      'connect to https://REDACTED:REDACTED@h.example/?sig=REDACTED&a=2 failed, then "http://REDACTED:REDACTED@z/"',
    );
  });
});

it.each([
  ["authorization", true],
  ["proxy-authorization", true],
  ["cookie", true],
  ["set-cookie", true],
  ["x-api-key", true],
  ["apikey", true],
  ["x-auth-token", true],
  ["x-amz-security-token", true],
  ["client-secret", true],
  ["content-type", false],
  ["x-tenant", false],
  ["a2a-version", false],
])("a header's value is recorded, but not a credential's: %s", (name, isCredential) => {
  expect(redactHeader(name, "value")).toBe(isCredential ? "REDACTED" : "value");
});

describe("origins", () => {
  it.each([
    ["http://a.example/", "http", "a.example", 80],
    ["https://a.example/x?y#z", "https", "a.example", 443],
    ["https://a.example:8443", "https", "a.example", 8443],
    ["http://a.example:443/", "http", "a.example", 443],
    ["http://[2001:db8::1]:3000/", "http", "2001:db8::1", 3000],
    ["https://[::1]/", "https", "::1", 443],
    ["http://user:pass@127.0.0.1:1/", "http", "127.0.0.1", 1],
    ["http://b.example?http://c.example/", "http", "b.example", 80],
    ["wss://a.example/", "wss", "a.example", 443],
    ["http://xn--bcher-kva.example/", "http", "xn--bcher-kva.example", 80],
  ])("%s", (url, scheme, address, port) => {
    for (const again of [url, url]) expect(originOf(again)).toMatchObject({ scheme, address, port });
  });

  it.each(["", "nonsense", "data:text/plain,x", "/path?u=http://", "http://", "http://a b/", "http://a.example:99999/"])(
    "none of %j",
    (url) => {
      for (const again of [url, url]) expect(originOf(again)).toMatchObject({ scheme: "", address: "", port: undefined });
    },
  );

  it("one whose name begins like the last one's is another, and many are told apart", () => {
    const hosts = Array.from({ length: 600 }, (_, index) => `h${"x".repeat(index % 5)}${index}.example`);
    for (const host of [...hosts, ...hosts]) {
      expect(originOf(`http://${host}/`).address).toBe(host);
      expect(originOf(`http://${host}.org/`).address).toBe(`${host}.org`);
      expect(originOf(`http://${host}:81/`).port).toBe(81);
    }
  });
});

const withCode = (code: unknown): Error => Object.assign(new Error("m"), { code });

describe("error.type", () => {
  const cyclic = new TypeError("a");
  cyclic.cause = new Error("b", { cause: cyclic });
  const long: Error = Array.from({ length: 50 }).reduce<Error>((cause) => new Error("e", { cause }), withCode("DEEP"));
  class HTTPError extends Error {
    override name = "HTTPError";
  }
  class Custom extends Error {}

  it.each<[string, unknown, string]>([
    ["a code", withCode("ECONNREFUSED"), "ECONNREFUSED"],
    ["a cause's code", new TypeError("fetch failed", { cause: withCode("UND_ERR_SOCKET") }), "UND_ERR_SOCKET"],
    ["a code in an AggregateError", new AggregateError([new Error("x"), withCode("ETIMEDOUT")]), "ETIMEDOUT"],
    ["an AggregateError's own code", Object.assign(new AggregateError([withCode("B")]), { code: "A1" }), "A1"],
    [
      "a cause that is an AggregateError",
      new TypeError("x", { cause: new AggregateError([withCode("ENETUNREACH")]) }),
      "ENETUNREACH",
    ],
    ["a cyclic cause", cyclic, "TypeError"],
    ["a very long chain", long, "Error"],
    ["a DOMException, whose code is a number", new DOMException("late", "TimeoutError"), "TimeoutError"],
    ["a number for a code", withCode(23), "Error"],
    ["a message for a code", withCode("cannot connect to host a.example"), "Error"],
    ["an empty code", withCode(""), "Error"],
    ["a name", new HTTPError("x"), "HTTPError"],
    ["a class without a name of its own", new Custom("x"), "Custom"],
    ["a name that is a message", Object.assign(new Error("x"), { name: "no, that failed" }), "Error"],
    ["neither a name nor a class with one", Object.assign(new Error("x"), { constructor: undefined }), "Error"],
    ["an empty AggregateError", new AggregateError([]), "AggregateError"],
    ["a string", "failed: secret", "_OTHER"],
    ["null", null, "_OTHER"],
    ["undefined", undefined, "_OTHER"],
    ["a number", 404, "_OTHER"],
    ["an object", { message: "m" }, "_OTHER"],
    ["an object with a code", { code: "ECODE" }, "ECODE"],
    ["an object without a prototype", Object.create(null), "_OTHER"],
    [
      "a getter that throws",
      Object.defineProperty(new Error("x"), "code", {
        get: () => {
          throw new Error("not mine");
        },
      }),
      "_OTHER",
    ],
  ])("%s", (_, error, type) => {
    expect(errorType(error)).toBe(type);
  });

  it("is a short string without spaces, whatever was thrown", () => {
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true }), fc.anything(), fc.string(), (value, cause, name) => {
        const error = Object.assign(new Error("m", { cause }), { name });
        for (const thrown of [value, error, { errors: [value], cause }]) expect(errorType(thrown)).toMatch(/^\w{1,64}$/);
      }),
      { numRuns: 200 },
    );
  });
});
