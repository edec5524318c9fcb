import { diag } from "@opentelemetry/api";
import { afterEach, describe, expect, it, vi } from "vitest";
import { compileMatchers } from "../../../src/core/propagation/matchers.ts";
import type { Matcher } from "../../../src/core/propagation/matchers.ts";
import { recordDiagnostics } from "../../support/diagnostics.ts";

afterEach(() => diag.disable());

/** The normalised URL, as clients pass it to the policy. */
const href = (url: string): string => new URL(url).href;

const TABLE: { matcher: Matcher; matches: string[]; others: string[] }[] = [
  {
    matcher: "agents.corp.example",
    matches: [
      "https://agents.corp.example/",
      "http://agents.corp.example:8443/rpc?x=1",
      "https://AGENTS.Corp.Example",
      "https://agents.corp.example./",
      "https://user:agents@agents.corp.example/",
      "https://agents.corp.example:443",
    ],
    others: [
      "https://corp.example",
      "https://xagents.corp.example",
      "https://agents.corp.example.evil.example",
      "https://agents.corp.example@evil.example",
      "https://evil.example/agents.corp.example",
      "https://evil.example?agents.corp.example",
      "https://evil.example#@agents.corp.example",
      "https://evil.example\\@agents.corp.example",
      "data:text/plain,agents.corp.example",
    ],
  },
  {
    matcher: "*.corp.example",
    matches: ["https://a.corp.example", "https://a.b.corp.example:8080", "https://A.CORP.EXAMPLE.", "http://x.corp.example"],
    others: [
      "https://corp.example",
      "https://evilcorp.example",
      "https://corp.example.evil.example",
      "https://a.corp.example@evil.example",
    ],
  },
  {
    matcher: "https://agents.corp.example:8443",
    matches: ["https://agents.corp.example:8443/rpc", "https://Agents.corp.example.:8443"],
    others: ["http://agents.corp.example:8443", "https://agents.corp.example", "https://agents.corp.example:8444"],
  },
  {
    matcher: "https://agents.corp.example",
    matches: ["https://agents.corp.example:443/x"],
    others: ["http://agents.corp.example", "https://agents.corp.example:8443"],
  },
  { matcher: "agents.corp.example:80", matches: ["http://agents.corp.example"], others: ["https://agents.corp.example"] },
  {
    matcher: "münchen.example",
    matches: ["https://xn--mnchen-3ya.example", "https://MÜNCHEN.example"],
    others: ["https://munchen.example"],
  },
  { matcher: "[::1]", matches: ["http://[::1]:8080", "http://[0:0:0:0:0:0:0:1]"], others: ["http://[::2]", "http://127.0.0.1"] },
  { matcher: "127.0.0.1", matches: ["http://127.0.0.1:1", "http://127.1", "http://0x7f.1"], others: ["http://127.0.0.2"] },
  {
    matcher: /^https:\/\/[a-z]+\.corp\.example$/g,
    matches: ["https://a.corp.example/path", "https://b.corp.example:443"],
    others: ["https://a.corp.example:8443", "http://a.corp.example"],
  },
  {
    matcher: /^http:\/\/\[::1\](?::\d+)?$/,
    matches: ["http://[::1]:8080", "http://[::1]"],
    others: ["https://[::1]", "http://[::2]"],
  },
  { matcher: (url) => url.includes("/internal/"), matches: ["https://x.example/internal/a"], others: ["https://x.example/a"] },
  {
    matcher: () => {
      throw new Error("a matcher of the user's");
    },
    matches: [],
    others: ["https://x.example"],
  },
];

describe.each(TABLE)("compileMatchers($matcher)", ({ matcher, matches, others }) => {
  const isMatch = compileMatchers(matcher);
  it.each(matches.map((url) => [url]))("matches %s", (url) => {
    // The second result comes from the cache.
    for (let i = 0; i < 2; i++) expect(isMatch(href(url))).toBe(true);
  });
  it.each(others.map((url) => [url]))("does not match %s", (url) => {
    for (let i = 0; i < 2; i++) expect(isMatch(href(url))).toBe(false);
  });
});

it("matches a list if one of its matchers does, and nothing for an empty list", () => {
  const list = compileMatchers(["a.example", /b\.example$/, (url) => url.startsWith("https://c.example")]);
  expect(["a", "b", "c", "d"].map((name) => list(`https://${name}.example/`))).toEqual([true, true, true, false]);
  expect(compileMatchers([])("https://a.example/")).toBe(false);
});

it.each([
  "",
  "https://a.example/path",
  "a.example/path",
  "*",
  "a.*.example",
  "https://user@a.example",
  "::1",
  "not a host",
  "*.",
  "http://",
])("rejects %j and says what to write instead", (matcher) => {
  expect(() => compileMatchers(matcher)).toThrow(TypeError);
  expect(() => compileMatchers(matcher)).toThrow("does not name a host; use an origin");
});

describe("compileMatchers()", () => {
  it.each([
    ["http://a.example/path", "http://a.example"],
    ["https://a.example/path", "https://a.example"],
    ["http://a.example:443/", "http://a.example:443"],
    ["https://a.example:80/", "https://a.example:80"],
    ["https://a.example:8443/", "https://a.example:8443"],
    ["http://[2001:db8::1]:8080/", "http://[2001:db8::1]:8080"],
    ["agent://a.example/path", "agent://a.example"],
  ])("tests a regular expression against the origin of %s", (url, origin) => {
    const exactly = new RegExp(`^${origin.replace(/[.[\]]/g, "\\$&")}$`);
    expect(compileMatchers(exactly)(url)).toBe(true);
  });

  it.each(["i", "gi", "yi", "gyi"])("ignores the global and sticky flags of a regular expression with the flags %s", (flags) => {
    const isMatch = compileMatchers(new RegExp("^https://[A-Z]\\.EXAMPLE$", flags));
    const urls = ["https://a.example/", "https://b.example/", "https://c.example/", "https://long.example/"];
    expect(urls.map((url) => isMatch(url))).toEqual([true, true, true, false]);
  });

  it.each<[string, Matcher]>([
    ["any origin", /(?:)/],
    ["any URL", () => true],
  ])("does not match a URL without a host, even for a matcher of %s", (_, matcher) => {
    const isMatch = compileMatchers(matcher);
    for (const url of ["data:text/plain,https://a.example/", "agent:/rpc", "/rpc", ""]) expect(isMatch(url), url).toBe(false);
    expect(isMatch("https://a.example/")).toBe(true);
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
  ])("%s against %s: %s", (matcher, url, expected) => {
    expect(compileMatchers(matcher)(url)).toBe(expected);
  });

  it.each(["file:///", "agent:///"])("rejects %s, an address without a host", (matcher) => {
    expect(() => compileMatchers(matcher)).toThrow("does not name a host; use an origin");
  });

  it("calls only functions and logs nothing", () => {
    const diagnostics = recordDiagnostics();
    const matcher = vi.fn<(url: string) => boolean>(() => false);
    expect(compileMatchers(["a.example", /b\.example/, matcher])("https://c.example/path?x=1")).toBe(false);
    expect(matcher.mock.calls).toEqual([["https://c.example/path?x=1"]]);
    expect(diagnostics.messages("error")).toEqual([]);
  });
});
