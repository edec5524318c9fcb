import type { OutgoingHttpHeaders } from "node:http";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { clientAddress } from "../../src/core/http/client-address.ts";
import { traceRequests } from "../../src/server/node.ts";
import type { NodeServerOptions } from "../../src/server/node.ts";
import { listen } from "../support/server.ts";
import { startTelemetry } from "../support/telemetry.ts";
import type { TestTelemetry } from "../support/telemetry.ts";
import { send } from "./client.ts";

describe("the client's address as proxies tell it", () => {
  test.each<[string, Record<string, string>, string | undefined]>([
    ["nothing said", {}, undefined],
    ["Forwarded", { forwarded: "for=192.0.2.60" }, "192.0.2.60"],
    ["Forwarded, for not first", { forwarded: "proto=https;by=10.0.0.1;for=192.0.2.60" }, "192.0.2.60"],
    ["Forwarded, other letter case and spaces", { forwarded: "By=10.0.0.1; For=192.0.2.60 ;Proto=http" }, "192.0.2.60"],
    ["Forwarded, several proxies: the first is the client's", { forwarded: "for=192.0.2.43, for=198.51.100.17" }, "192.0.2.43"],
    ["Forwarded, IPv6 with port", { forwarded: 'for="[2001:db8:cafe::17]:4711"' }, "2001:db8:cafe::17"],
    ["Forwarded, IPv4 with port", { forwarded: 'for="192.0.2.60:47011"' }, "192.0.2.60"],
    ["Forwarded, unknown", { forwarded: "for=unknown" }, undefined],
    ["Forwarded, hidden", { forwarded: "for=_gazonk" }, undefined],
    ["Forwarded, empty", { forwarded: 'for=""' }, undefined],
    ["Forwarded without for", { forwarded: "proto=https;x-for=192.0.2.1" }, undefined],
    ["Forwarded wins", { forwarded: "for=192.0.2.60", "x-forwarded-for": "203.0.113.1" }, "192.0.2.60"],
    ["Forwarded hides it, X-Forwarded-For does not", { forwarded: "for=_a", "x-forwarded-for": "203.0.113.1" }, "203.0.113.1"],
    ["X-Forwarded-For", { "x-forwarded-for": "203.0.113.1" }, "203.0.113.1"],
    ["X-Forwarded-For, several", { "X-Forwarded-For": " 203.0.113.1 , 198.51.100.2" }, "203.0.113.1"],
    ["X-Forwarded-For, IPv6", { "x-forwarded-for": "2001:db8::1, 10.0.0.1" }, "2001:db8::1"],
    ["X-Forwarded-For, IPv6 with port", { "x-forwarded-for": "[2001:db8::1]:80" }, "2001:db8::1"],
    ["X-Forwarded-For, IPv4 with port", { "x-forwarded-for": "203.0.113.1:80" }, "203.0.113.1"],
    ["X-Forwarded-For, brackets elsewhere", { "x-forwarded-for": "a[1]" }, "a[1]"],
    ["X-Forwarded-For, what is no port", { "x-forwarded-for": "203.0.113.1:80a" }, "203.0.113.1:80a"],
    ["X-Forwarded-For, empty", { "x-forwarded-for": ", 203.0.113.1" }, undefined],
  ])("%s", (_, headers, address) => {
    expect(clientAddress(headers)).toBe(address);
  });
});

describe("trustProxy", () => {
  let telemetry: TestTelemetry;
  beforeEach(() => void (telemetry = startTelemetry()));
  afterEach(() => telemetry.stop());

  async function addressesOf(options: NodeServerOptions, headers: OutgoingHttpHeaders): Promise<unknown[]> {
    const server = await listen(traceRequests((_, response) => void response.end(), options));
    await send(server.url, { headers });
    const [span] = await telemetry.ended(1);
    await server.close();
    return [span?.attributes["client.address"], span?.attributes["network.peer.address"]];
  }

  const HEADERS = { forwarded: "for=192.0.2.60", "x-forwarded-for": "203.0.113.1" };
  test("by default what any client can write is not believed", async () => {
    expect(await addressesOf({}, HEADERS)).toEqual(["127.0.0.1", "127.0.0.1"]);
  });
  test("true: client.address is what proxies tell, the peer stays the socket's", async () => {
    expect(await addressesOf({ trustProxy: true }, HEADERS)).toEqual(["192.0.2.60", "127.0.0.1"]);
  });
  test("true, and the proxy tells nothing: the socket's", async () => {
    expect(await addressesOf({ trustProxy: true }, { forwarded: "for=unknown" })).toEqual(["127.0.0.1", "127.0.0.1"]);
  });
});
