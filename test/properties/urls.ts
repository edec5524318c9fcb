import * as fc from "fast-check";
import { QUERY } from "./requests.ts";

// URLs of every kind. Many share a prefix, so that a cache that compares prefixes only would confuse them.

const HOSTS = [
  "a.example",
  "a.example.org",
  "a.example.",
  "A.Example",
  "a.exampl",
  "bücher.example",
  "xn--bcher-kva.example",
  "127.0.0.1",
  "0x7f.1",
  "[::1]",
  "[0:0::1]",
  "[::ffff:127.0.0.1]",
  "localhost",
];
const PORTS = ["", "", ":", ":80", ":443", ":8", ":808", ":8080", ":65535"];
const USERS = ["", "", "", "user@", "user:pass@", "user:p%40ss@", ":@", "a@b@"];
const SCHEMES = ["http://", "http://", "https://", "ws://", "wss://", "HTTP://", "ftp://", "foo://", "http:\\\\", "http:/"];
const PATHS = ["", "/", "/a", "/a/b", "/a b", "/a/../b", "//b", "//u:p@h/", "/a;b=c", "/@", "/ä漢", "/%E0%A4", "/\\x", "/a\tb\n"];
const FRAGMENTS = ["", "", "#", "#top", "#?sig=x", "#a@b"];

/** Absolute URLs with an authority, valid and almost valid ones. */
const HIERARCHICAL: fc.Arbitrary<string> = fc
  .tuple(...[SCHEMES, USERS, HOSTS, PORTS, PATHS].map((parts) => fc.constantFrom(...parts)), QUERY, fc.constantFrom(...FRAGMENTS))
  .map((parts) => parts.join(""));

const OPAQUE = [
  "data:,x",
  "data:text/plain;base64,c2VjcmV0",
  "data:text/html,<a href='http://u:p@h/?sig=x'>",
  "data:",
  "blob:nodedata:0b1c-2d3e",
  "blob:http://u:p@a.example/0b1c",
  "mailto:user@a.example?subject=http://b.example:1/",
  "about:blank",
  "javascript:void(0)",
  "urn:isbn:0?sig=x",
  "file:///etc/hostname",
  "file://host/share",
];
const RELATIVE = [
  "",
  "/",
  "/a?sig=x",
  "a/b",
  "?q=1",
  "#f",
  "//a.example/x",
  "//u:p@a.example/x",
  "..",
  "http:",
  "/u?next=http://b.example/",
];
const INVALID = [
  "http://",
  "http://[",
  "http://[::1",
  "http://a b/",
  "http://a:99999/",
  "http://u:p@a b/?sig=x",
  "http://%zz/",
  "://x",
  "\u0000",
  "\ud800",
];

/** Much longer than servers accept. */
const LONG: string[] = [
  `http://a.example/${"x".repeat(1_000_000)}`,
  `http://a.example/?${"sig=x&".repeat(170_000)}`,
  `http://a.example/${"/".repeat(1_000_000)}@`,
  `http://${"u".repeat(500_000)}:${"@".repeat(500_000)}a.example/`,
];

export const ANY_URL: fc.Arbitrary<string> = fc.oneof(
  { weight: 12, arbitrary: HIERARCHICAL },
  { weight: 2, arbitrary: fc.constantFrom(...OPAQUE) },
  { weight: 2, arbitrary: fc.constantFrom(...RELATIVE, ...INVALID) },
  {
    weight: 2,
    arbitrary: fc.webUrl({ withFragments: true, withQueryParameters: true, authoritySettings: { withUserInfo: true } }),
  },
  { weight: 2, arbitrary: fc.string({ unit: "binary", maxLength: 30 }) },
);

export const LONG_URLS: readonly string[] = LONG;

/** Origins that undici accepts, and paths with common prefixes. */
export const ORIGIN: fc.Arbitrary<string> = fc
  .tuple(fc.constantFrom("http://", "https://", "HTTP://"), ...[HOSTS, PORTS].map((parts) => fc.constantFrom(...parts)))
  .map((parts) => parts.join(""));

export const TARGET: fc.Arbitrary<string> = fc
  .tuple(fc.constantFrom("/", "/a", "/a/b", "//b", "//u:p@h/", "/sig=1", "/%41", "/@"), QUERY)
  .map((parts) => parts.join(""));
