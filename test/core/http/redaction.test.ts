import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  SENSITIVE_QUERY_PARAMETERS,
  redactHeader,
  redactQuery,
  redactText,
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
  ])("redacts %s, which is not an absolute URL, as %s", (url, redacted) => {
    expect(redactUrl(url, sensitiveQuery(["sig"]))).toBe(redacted);
  });
});

describe("redactText()", () => {
  it("redacts the URLs in a text", () => {
    expect(redactText('connect to https://u:p@h.example/?sig=1&a=2 failed, then "http://x:y@z/"', SENSITIVE)).toBe(
      'connect to https://REDACTED:REDACTED@h.example/?sig=REDACTED&a=2 failed, then "http://REDACTED:REDACTED@z/"',
    );
  });
});

describe("redactQuery()", () => {
  it("keeps the whole query if no parameter is sensitive", () => {
    expect(redactQuery("?undefined=1&sig=2", sensitiveQuery([]))).toBe("?undefined=1&sig=2");
  });
});

describe("redactHeader()", () => {
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
  ])("redacts %s: %s", (name, isCredential) => {
    expect(redactHeader(name, "value")).toBe(isCredential ? "REDACTED" : "value");
  });

  it.each(["cookie-consent", "accept-cookie", "authorization-hint"])(
    "keeps %s, whose name only contains that of a credential header",
    (name) => {
      expect(redactHeader(name, "value")).toBe("value");
    },
  );
});
