import type { OutgoingHttpHeaders } from "node:http";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { clientAddress } from "../../src/core/http/server-attributes.ts";
import { traceRequests } from "../../src/server/node.ts";
import type { NodeServerOptions } from "../../src/server/node.ts";
import { listen } from "../support/server.ts";
import { startTelemetry } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { send } from "./client.ts";

describe("clientAddress()", () => {
  it.each<[string, Record<string, string>, string | undefined]>([
    ["no header", {}, undefined],
    ["Forwarded", { forwarded: "for=192.0.2.60" }, "192.0.2.60"],
    ["Forwarded, with `for` not first", { forwarded: "proto=https;by=10.0.0.1;for=192.0.2.60" }, "192.0.2.60"],
    ["Forwarded, with other letter case and spaces", { forwarded: "By=10.0.0.1; For=192.0.2.60 ;Proto=http" }, "192.0.2.60"],
    [
      "Forwarded, with several entries, of which the first is the client's",
      { forwarded: "for=192.0.2.43, for=198.51.100.17" },
      "192.0.2.43",
    ],
    ["Forwarded, with IPv6 and a port", { forwarded: 'for="[2001:db8:cafe::17]:4711"' }, "2001:db8:cafe::17"],
    ["Forwarded, with IPv4 and a port", { forwarded: 'for="192.0.2.60:47011"' }, "192.0.2.60"],
    ["Forwarded, with an unknown address", { forwarded: "for=unknown" }, undefined],
    ["Forwarded, with an obfuscated address", { forwarded: "for=_gazonk" }, undefined],
    ["Forwarded, with an empty address", { forwarded: 'for=""' }, undefined],
    ["Forwarded, without `for`", { forwarded: "proto=https;x-for=192.0.2.1" }, undefined],
    [
      "Forwarded and X-Forwarded-For, of which Forwarded takes precedence",
      { forwarded: "for=192.0.2.60", "x-forwarded-for": "203.0.113.1" },
      "192.0.2.60",
    ],
    [
      "X-Forwarded-For, and Forwarded with an obfuscated address",
      { forwarded: "for=_a", "x-forwarded-for": "203.0.113.1" },
      "203.0.113.1",
    ],
    ["X-Forwarded-For", { "x-forwarded-for": "203.0.113.1" }, "203.0.113.1"],
    ["X-Forwarded-For, with several entries", { "X-Forwarded-For": " 203.0.113.1 , 198.51.100.2" }, "203.0.113.1"],
    ["X-Forwarded-For, with IPv6", { "x-forwarded-for": "2001:db8::1, 10.0.0.1" }, "2001:db8::1"],
    ["X-Forwarded-For, with IPv6 and a port", { "x-forwarded-for": "[2001:db8::1]:80" }, "2001:db8::1"],
    ["X-Forwarded-For, with IPv4 and a port", { "x-forwarded-for": "203.0.113.1:80" }, "203.0.113.1"],
    ["X-Forwarded-For, with brackets inside", { "x-forwarded-for": "a[1]" }, "a[1]"],
    ["X-Forwarded-For, with an invalid port", { "x-forwarded-for": "203.0.113.1:80a" }, "203.0.113.1:80a"],
    ["X-Forwarded-For, with an empty first entry", { "x-forwarded-for": ", 203.0.113.1" }, undefined],
  ])("reads %s", (_, headers, address) => {
    expect(clientAddress(headers)).toBe(address);
  });
});

describe("trustProxy", () => {
  let telemetry: TestTelemetry;
  beforeEach(() => void (telemetry = startTelemetry()));
  afterEach(() => telemetry.stop());

  async function addressesOf(options: NodeServerOptions, headers: OutgoingHttpHeaders): Promise<object> {
    const server = await listen(traceRequests((_, response) => void response.end(), options));
    await send(server.url, { headers });
    const [span] = await telemetry.ended(1);
    await server.close();
    return { client: span?.attributes["client.address"], peer: span?.attributes["network.peer.address"] };
  }

  const HEADERS = { forwarded: "for=192.0.2.60", "x-forwarded-for": "203.0.113.1" };
  it("is false by default: client.address is the peer of the socket", async () => {
    expect(await addressesOf({}, HEADERS)).toEqual({ client: "127.0.0.1", peer: "127.0.0.1" });
  });
  it("takes client.address from the headers of proxies if it is true; the peer address stays that of the socket", async () => {
    expect(await addressesOf({ trustProxy: true }, HEADERS)).toEqual({ client: "192.0.2.60", peer: "127.0.0.1" });
  });
  it("takes client.address from the socket if the proxies do not report an address", async () => {
    expect(await addressesOf({ trustProxy: true }, { forwarded: "for=unknown" })).toEqual({
      client: "127.0.0.1",
      peer: "127.0.0.1",
    });
  });

  async function serverOf(headers: OutgoingHttpHeaders, options: NodeServerOptions = { trustProxy: true }): Promise<unknown[]> {
    telemetry.reset();
    const server = await listen(traceRequests((_, response) => void response.end(), options));
    await send(server.url, { headers: { host: "internal:8080", ...headers } });
    const [span] = await telemetry.ended(1);
    await server.close();
    return ["url.scheme", "server.address", "server.port"].map((name) => span?.attributes[name]);
  }

  it.each<[string, OutgoingHttpHeaders, unknown[]]>([
    ["Forwarded", { forwarded: "for=192.0.2.60;host=agent.example;proto=https" }, ["https", "agent.example", 443]],
    ["the first entry of Forwarded", { forwarded: "proto=https, proto=http;host=b.example" }, ["https", "b.example", 443]],
    ["Forwarded, quoted", { forwarded: 'Host="[2001:db8::1]:8443";Proto="HTTPS"' }, ["https", "2001:db8::1", 8443]],
    [
      "X-Forwarded-*",
      { "x-forwarded-host": "agent.example:8443, b", "x-forwarded-proto": "https, http" },
      ["https", "agent.example", 8443],
    ],
    [
      "Forwarded before X-Forwarded-*",
      { forwarded: "host=a.example", "x-forwarded-host": "b.example", "x-forwarded-proto": "https" },
      ["https", "a.example", 443],
    ],
    [
      "the request, where proxies report what is not valid",
      { forwarded: "host=_hidden/;proto=gopher" },
      ["http", "internal", 8080],
    ],
    ["the request, where proxies report nothing", {}, ["http", "internal", 8080]],
  ])("takes server.address, server.port and url.scheme from %s", async (_, headers, expected) => {
    expect(await serverOf(headers)).toEqual(expected);
  });

  it("is false by default: server.address, server.port and url.scheme are those of the request", async () => {
    expect(await serverOf({ forwarded: "host=agent.example;proto=https" }, {})).toEqual(["http", "internal", 8080]);
  });
});
