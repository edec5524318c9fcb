import type { Exception, Span } from "@opentelemetry/api";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { recordException } from "../../../src/core/http/errors.ts";
import {
  SENSITIVE_QUERY_PARAMETERS,
  redactHeader,
  redactMessage,
  redactQuery,
  redactUrlsInText,
  redactUrl,
  sensitiveQuery,
} from "../../../src/core/http/redaction.ts";

const SENSITIVE = sensitiveQuery(SENSITIVE_QUERY_PARAMETERS);

describe("redactUrl()", () => {
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
  ])("redacts %s as %s", (url, redacted) => {
    expect(redactUrl(url, SENSITIVE)).toBe(redacted);
  });

  it("uses the given parameter names literally and in place of the default", () => {
    expect(redactUrl("https://a.example/?sig=1&a.b=2&axb=3", sensitiveQuery(["a.b"]))).toBe(
      "https://a.example/?sig=1&a.b=REDACTED&axb=3",
    );
    expect(redactUrl("https://a.example/?sig=1", sensitiveQuery([]))).toBe("https://a.example/?sig=1");
  });

  it("redacts any user info, keeps the rest and is idempotent", () => {
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

  it.each([
    ["user:pass@a.example:443", "REDACTED:REDACTED@a.example:443"],
    ["//user:pass@a.example/rpc", "//REDACTED:REDACTED@a.example/rpc"],
    ["/users/me@a.example", "/users/me@a.example"],
    ["http://user:pa/ss?wo#rd@a.example/", "http://REDACTED:REDACTED@a.example/"],
    ["http://user:it's-\"<secret>\t\n @a.example/", "http://REDACTED:REDACTED@a.example/"],
  ])("redacts %s, which is not an absolute URL, as %s", (url, redacted) => {
    expect(redactUrl(url, sensitiveQuery(["sig"]))).toBe(redacted);
  });
});

describe("redactUrlsInText()", () => {
  it("redacts the URLs in a text", () => {
    expect(redactUrlsInText('connect to https://u:p@h.example/?sig=1&a=2 failed, then "http://x:y@z/"', SENSITIVE)).toBe(
      'connect to https://REDACTED:REDACTED@h.example/?sig=REDACTED&a=2 failed, then "http://REDACTED:REDACTED@z/"',
    );
  });

  it.each([
    ["no URL: me@b.example", "no URL: me@b.example"],
    ["http://127.0.0.1:8080/x@y failed", "http://127.0.0.1:8080/x@y failed"],
    ["http://[::1]:8080/x@y failed", "http://[::1]:8080/x@y failed"],
    ["https://a.example failed, mail me@b.example", "https://a.example failed, mail me@b.example"],
    ["https://u:a/b?c#d@h.example/", "https://REDACTED:REDACTED@h.example/"],
    ["https://git@h.example:org/repository", "https://REDACTED:REDACTED@h.example:org/repository"],
    ["bad ?sig=a\nb\n    at send (a.js:1:2)", "bad ?sig=REDACTED\n    at send (a.js:1:2)"],
    ["bad ?sig=a\nsend@https://a.example/a.js:1:2", "bad ?sig=REDACTED\nsend@https://a.example/a.js:1:2"],
  ])("redacts %j as %j", (text, redacted) => {
    expect(redactUrlsInText(text, SENSITIVE)).toBe(redacted);
  });

  it("takes time in proportion to the length of the text", () => {
    const steps = (length: number): number => {
      const text = "//a:b".repeat(length / 5);
      const start = process.cpuUsage();
      for (let i = 0; i < 5; i++) redactUrlsInText(text, SENSITIVE);
      const { user, system } = process.cpuUsage(start);
      return user + system;
    };
    steps(10_000);
    // Quadratic time would be 256 times as much.
    expect(steps(160_000) / steps(10_000)).toBeLessThan(128);
  });
});

describe("redactQuery()", () => {
  it("keeps the whole query if no parameter is sensitive", () => {
    expect(redactQuery("?undefined=1&sig=2", sensitiveQuery([]))).toBe("?undefined=1&sig=2");
  });
});

describe("redactMessage()", () => {
  it("redacts parameters whose names look like credentials", () => {
    expect(redactMessage("POST https://a.example/v1?access_token=abc&page=2 failed")).toBe(
      "POST https://a.example/v1?access_token=REDACTED&page=2 failed",
    );
  });
});

describe("redactHeader()", () => {
  it.each([
    "authorization",
    "proxy-authorization",
    "x-forwarded-authorization",
    "authentication-info",
    "cookie",
    "set-cookie",
    "x-api-key",
    "x-api_key",
    "apikey",
    "x-access-key",
    "ocp-apim-subscription-key",
    "x-auth-token",
    "x-amz-security-token",
    "client-secret",
    "x-jwt",
    "x-session",
    "x-hub-signature-256",
    "x-amz-credential",
    "x-password",
    "dpop",
    "x-csrf",
    "x-sig",
    "idempotency-key",
    "cookie-consent",
  ])("redacts the value of %s", (name) => {
    expect(redactHeader(name, "value", SENSITIVE)).toBe("REDACTED");
  });

  it.each([
    "content-type",
    "x-request-id",
    "traceparent",
    "tracestate",
    "user-agent",
    "retry-after",
    "cache-control",
    "etag",
    "x-tenant",
    "a2a-version",
    ":authority",
    "x-author",
    "x-ratelimit-remaining-tokens",
    "anthropic-ratelimit-tokens-remaining",
  ])("keeps the value of %s", (name) => {
    expect(redactHeader(name, "value", SENSITIVE)).toBe("value");
  });

  it.each([
    ["location", "https://u:p@a.example/x?sig=1&page=2", "https://REDACTED:REDACTED@a.example/x?sig=REDACTED&page=2"],
    ["location", "/callback?access_token=1&state=2", "/callback?access_token=REDACTED&state=2"],
    ["content-location", "/x?sig=1", "/x?sig=REDACTED"],
    ["referer", "https://a.example/#id_token=1", "https://a.example/#id_token=REDACTED"],
    ["link", '<https://u:p@a.example/?page=2>; rel="next"', '<https://REDACTED:REDACTED@a.example/?page=2>; rel="next"'],
    ["user-agent", "agent/1.0 (+https://a.example; me@a.example)", "agent/1.0 (+https://a.example; me@a.example)"],
  ])("redacts the URLs in %s: %s", (name, value, redacted) => {
    expect(redactHeader(name, value, SENSITIVE)).toBe(redacted);
  });
});

describe("a secret", () => {
  // Its beginning and its end are recognisable, and what is between them may be any character that does not end the part of the URL it is in.
  const secretWithout = (excluded: RegExp): fc.Arbitrary<string> =>
    fc
      .string({
        unit: fc.constantFrom(...Array.from("'\"<>\t\n :@;,()[]{}|^`$%=&+!*~-_.aB1é")),
        maxLength: 12,
      })
      .map((middle) => `SeCrEtA${middle.replace(excluded, "")}SeCrEtB`);
  const userInfo = secretWithout(/[/\\?#]/g);
  const parameter = secretWithout(/[&#]/g);
  const host = fc.constantFrom("a.example", "127.0.0.1:8080", "[::1]:443");
  const url = fc
    .tuple(userInfo, parameter, host)
    .map(
      ([password, signature, name]) => `https://user:${password}@${name}/x?a=1&sig=${signature}&X-Amz-Signature=${signature}#top`,
    );
  const SECRET = /SeCrEt[AB]/;

  /** A value for which the property does not hold. */
  const counterexampleOf = (property: fc.IProperty<unknown>): unknown => fc.check(property).counterexample;

  it("does not survive in url.full", () => {
    const property = fc.property(url, (text) => !SECRET.test(redactUrl(text, SENSITIVE)));
    expect(counterexampleOf(property)).toBeNull();
  });

  it("does not survive in url.full where it is the user name", () => {
    const property = fc.property(userInfo, (name) => !SECRET.test(redactUrl(`https://${name}@a.example/`, SENSITIVE)));
    expect(counterexampleOf(property)).toBeNull();
  });

  it("does not survive in url.query", () => {
    const property = fc.property(parameter, (value) => !SECRET.test(redactQuery(`sig=${value}&a=1&sig=${value}`, SENSITIVE)));
    expect(counterexampleOf(property)).toBeNull();
  });

  it("does not survive in a recorded header", () => {
    const name = fc.constantFrom("location", "content-location", "referer", "link", "refresh", "x-original-url");
    const property = fc.property(name, url, (header, text) => !SECRET.test(redactHeader(header, `<${text}>; rel=next`, SENSITIVE)));
    expect(counterexampleOf(property)).toBeNull();
  });

  it("does not survive in the message or stack of a recorded exception", () => {
    const message = fc.constantFrom("Failed to parse URL from ", 'fetch("', "connect ECONNREFUSED ", "two\nlines: ");
    const property = fc.property(message, url, (before, text) => {
      const events: Exception[] = [];
      const span = { recordException: (exception: Exception) => events.push(exception) } as unknown as Span;
      recordException(span, new TypeError(`${before}${text}`), SENSITIVE);
      recordException(span, `${before}${text}`, SENSITIVE);
      return events.length === 2 && !SECRET.test(JSON.stringify(events));
    });
    expect(counterexampleOf(property)).toBeNull();
  });

  it("does not survive in a logged message", () => {
    const property = fc.property(url, (text) => !SECRET.test(redactMessage(`bad URL ${text}`)));
    expect(counterexampleOf(property)).toBeNull();
  });
});
