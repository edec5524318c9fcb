import { DiagLogLevel, diag } from "@opentelemetry/api";
import { afterEach, expect, it, vi } from "vitest";
import { compileMatchers } from "../../../src/core/propagation/matchers.ts";
import type { Matcher } from "../../../src/core/propagation/matchers.ts";

afterEach(() => diag.disable());

it.each([
  ["http://a.example/path", "http://a.example"],
  ["https://a.example/path", "https://a.example"],
  ["http://a.example:443/", "http://a.example:443"],
  ["https://a.example:80/", "https://a.example:80"],
  ["https://a.example:8443/", "https://a.example:8443"],
  ["http://[2001:db8::1]:8080/", "http://[2001:db8::1]:8080"],
  ["agent://a.example/path", "agent://a.example"],
])("an expression is tried on the origin of %s as URLs write it", (url, origin) => {
  const exactly = new RegExp(`^${origin.replace(/[.[\]]/g, "\\$&")}$`);
  expect(compileMatchers(exactly)(url)).toBe(true);
});

it.each(["i", "gi", "yi", "gyi"])(
  "an expression with the flags %s keeps its letter case, and no place from URL to URL",
  (flags) => {
    const means = compileMatchers(new RegExp("^https://[A-Z]\\.EXAMPLE$", flags));
    const urls = ["https://a.example/", "https://b.example/", "https://c.example/", "https://long.example/"];
    expect(urls.map((url) => means(url))).toEqual([true, true, true, false]);
  },
);

it.each<[string, Matcher]>([
  ["any origin", /(?:)/],
  ["any URL", () => true],
])("a URL that has no host is meant by nobody, not by a matcher of %s", (_, matcher) => {
  const means = compileMatchers(matcher);
  for (const url of ["data:text/plain,https://a.example/", "agent:/rpc", "/rpc", ""])
    expect([url, means(url)]).toEqual([url, false]);
  expect(means("https://a.example/")).toBe(true);
});

it.each<[string, string, boolean]>([
  ["https://a.example:8443", "https://a.example:8443/", true],
  ["https://a.example:8443", "https://b.example:8443/", false],
  ["https://a.example:8443", "http://a.example:8443/", false],
  ["https://a.example:8443", "https://a.example:844/", false],
  ["a.example:8443", "http://a.example:8443/", true],
  ["a.example:8443", "http://a.example:3/", false],
  ["*.example:8443", "http://a.example:8443/", true],
  ["*.example:8443", "http://a.example:8444/", false],
  ["[::1]", "http://[::1]:8080/", true],
  ["[::1]:8080", "http://[::1]:8080/", true],
  ["[::1]:8080", "http://[::1]/", false],
])("by %s is %s meant: %s", (matcher, url, expected) => {
  expect(compileMatchers(matcher)(url)).toBe(expected);
});

it.each(["file:///", "agent:///"])("%s, an address without a host, is refused", (matcher) => {
  expect(() => compileMatchers(matcher)).toThrow("means no host; use an origin");
});

it("only functions are called: a list of all kinds has nothing to report", () => {
  const error = vi.fn<(...args: unknown[]) => void>();
  const quiet = (): void => {};
  diag.setLogger({ error, warn: quiet, info: quiet, debug: quiet, verbose: quiet }, DiagLogLevel.ERROR);
  const asked = vi.fn<(url: string) => boolean>(() => false);
  expect(compileMatchers(["a.example", /b\.example/, asked])("https://c.example/path?x=1")).toBe(false);
  expect([asked.mock.calls, error.mock.calls]).toEqual([[["https://c.example/path?x=1"]], []]);
});
