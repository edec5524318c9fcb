import { describe, expect, it } from "vitest";
import { HttpChannelRequest } from "../../../src/core/node/http-requests.ts";
import type { NodeHttpRequest } from "../../../src/core/node/http-requests.ts";

/** A request of a version of Node whose requests do not show their authority. */
function originOf(request: Partial<NodeHttpRequest>, hostHeader: string | undefined): string {
  const whole = { protocol: "http:", host: "127.0.0.1", path: "/", method: "GET", headersSent: false, getHeader: () => hostHeader };
  return new HttpChannelRequest({ ...whole, ...request } as NodeHttpRequest).origin;
}

const ONE_CONNECTION = { sockets: { "127.0.0.1:8080:": [] }, requests: {} };

describe("the origin of a request without an authority", () => {
  it("has the port of the Host header", () => {
    expect(originOf({}, "127.0.0.1:8080")).toBe("http://127.0.0.1:8080");
  });

  it("has brackets around an IPv6 address", () => {
    expect(originOf({ host: "::1" }, "[::1]:8080")).toBe("http://[::1]:8080");
  });

  it("has the port of the agent's connection if the application has set the Host header", () => {
    expect(originOf({ agent: ONE_CONNECTION }, "agents.example")).toBe("http://127.0.0.1:8080");
  });

  it("has the port of the agent's connection if the Host header has none", () => {
    expect(originOf({ agent: ONE_CONNECTION }, "127.0.0.1")).toBe("http://127.0.0.1:8080");
  });

  it("has the port of a queued request", () => {
    expect(originOf({ host: "::1", agent: { sockets: {}, requests: { "::1:8080::6": [] } } }, "a.example")).toBe(
      "http://[::1]:8080",
    );
  });

  it("has no default port", () => {
    expect(originOf({ agent: { sockets: { "127.0.0.1:80:": [] } } }, "a.example")).toBe("http://127.0.0.1");
  });

  it("has no port if the agent is connected to several ports of the host", () => {
    const agent = { sockets: { "127.0.0.1:8080:": [], "127.0.0.1:8081:": [] } };
    expect(originOf({ agent }, "agents.example")).toBe("http://127.0.0.1");
  });

  it("has no port if nothing shows it", () => {
    expect(originOf({}, "127.0.0.1:port")).toBe("http://127.0.0.1");
  });
});
