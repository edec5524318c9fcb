import { describe, expect, it } from "vitest";
import { hrefWithoutData, isSameOrigin, isSameResource, originOf } from "../../../src/core/http/urls.ts";

describe("originOf()", () => {
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
  ])("parses %s", (url, scheme, address, port) => {
    for (const again of [url, url]) expect(originOf(again)).toMatchObject({ scheme, address, port });
  });

  it.each(["", "nonsense", "data:text/plain,x", "/path?u=http://", "http://", "http://a b/", "http://a.example:99999/"])(
    "finds no origin in %j",
    (url) => {
      for (const again of [url, url]) expect(originOf(again)).toMatchObject({ scheme: "", address: "", port: undefined });
    },
  );

  it("does not confuse origins with a common prefix in its cache", () => {
    const hosts = Array.from({ length: 600 }, (_, index) => `h${"x".repeat(index % 5)}${index}.example`);
    for (const host of [...hosts, ...hosts]) {
      expect(originOf(`http://${host}/`).address).toBe(host);
      expect(originOf(`http://${host}.org/`).address).toBe(`${host}.org`);
      expect(originOf(`http://${host}:81/`).port).toBe(81);
    }
  });

  it.each(["", "/", "/rpc?x=1", "?x=1", "#x", "\\rpc"])("ends before %j", (rest) => {
    expect(originOf(`https://text.example:8443${rest}`)).toMatchObject({
      text: "https://text.example:8443",
      address: "text.example",
      port: 8443,
    });
  });

  it("caches an origin, but not without limit", () => {
    const first = originOf("https://first.example/a");
    const others = (count: number): void => {
      for (let i = 0; i < count; i++) originOf(`https://h${i}.example/`);
    };
    others(1000);
    expect(originOf("https://first.example/b")).toBe(first);
    others(5000);
    expect(originOf("https://first.example/c")).not.toBe(first);
    expect(originOf("https://first.example/c")).toEqual(first);
  });
});

describe("isSameOrigin()", () => {
  it.each([
    ["https://a.example/", "https://a.example:443/rpc", true],
    ["https://a.example/", "https://b.example/", false],
    ["https://a.example/", "https://a.example:8443/", false],
    ["https://a.example/", "http://a.example:443/", false],
  ])("of %s and %s is %s", (a, b, expected) => {
    expect(isSameOrigin(originOf(a), originOf(b))).toBe(expected);
  });
});

describe("isSameResource()", () => {
  it.each([
    ["http://a.example/p?q", "http://a.example/p?q", true],
    ["http://user:pass@a.example:80/p?q#x", "http://a.example/p?q", true],
    ["http://a.example/p", "https://a.example/p", false],
    ["http://a.example/p", "http://a.example/other", false],
    ["http://a.example/p?q", "http://a.example/p?other", false],
    ["/p", "http://a.example/p", false],
    ["http://a.example/p", "/p", false],
    ["/p", "/p", true],
  ])("of %s and %s is %s", (a, b, expected) => {
    expect(isSameResource(a, b)).toBe(expected);
  });
});

describe("hrefWithoutData()", () => {
  it.each([
    ["https://agent.example/rpc", "https://agent.example/rpc"],
    ["data:text/plain;base64,c2VjcmV0,more", "data:text/plain;base64,"],
    ["data:,secret", "data:,"],
    ["blob:https://a.example/1,2", "blob:https://a.example/1,2"],
  ])("of %s is %s", (url, address) => {
    expect(hrefWithoutData(new URL(url))).toBe(address);
  });
});
