import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SEARCHED_BODY_LENGTH, recogniseA2A } from "../../../src/core/http/a2a-recognition.ts";

const V1 = { "A2A-Version": "1.0" };

const REST = [
  ["POST", "/message:send", "SendMessage", "/message:send"],
  ["POST", "/message:stream", "SendStreamingMessage", "/message:stream"],
  ["GET", "/tasks", "ListTasks", "/tasks"],
  ["GET", "/tasks/t-1", "GetTask", "/tasks/{id}"],
  ["POST", "/tasks/t-1:cancel", "CancelTask", "/tasks/{id}:cancel"],
  ["POST", "/tasks/t-1:subscribe", "SubscribeToTask", "/tasks/{id}:subscribe"],
  ["GET", "/tasks/t-1:subscribe", "SubscribeToTask", "/tasks/{id}:subscribe"],
  ["POST", "/tasks/t-1/pushNotificationConfigs", "CreateTaskPushNotificationConfig", "/tasks/{id}/pushNotificationConfigs"],
  ["GET", "/tasks/t-1/pushNotificationConfigs", "ListTaskPushNotificationConfigs", "/tasks/{id}/pushNotificationConfigs"],
  [
    "GET",
    "/tasks/t-1/pushNotificationConfigs/p-1",
    "GetTaskPushNotificationConfig",
    "/tasks/{id}/pushNotificationConfigs/{configId}",
  ],
  [
    "DELETE",
    "/tasks/t-1/pushNotificationConfigs/p-1",
    "DeleteTaskPushNotificationConfig",
    "/tasks/{id}/pushNotificationConfigs/{configId}",
  ],
  ["GET", "/extendedAgentCard", "GetExtendedAgentCard", "/extendedAgentCard"],
  ["GET", "/v1/card", "GetExtendedAgentCard", "/v1/card"],
  ["GET", "/.well-known/agent-card.json", undefined, "/.well-known/agent-card.json"],
] as const;

describe("recogniseA2A()", () => {
  it.each(REST)("recognises %s %s as %s", (verb, path, method, template) => {
    expect(recogniseA2A("headers", verb, `https://agent.example${path}`, V1)).toMatchObject({ method, template });
    expect(recogniseA2A("headers", verb, `https://agent.example/base/acme${path}?historyLength=2#x`, V1)).toMatchObject({
      method,
      template: `/base/acme${template}`,
    });
    expect(recogniseA2A("headers", verb, path, V1)).toMatchObject({ method, template });
  });

  const AMBIGUOUS = ["/tasks", "/tasks/t-1", "/v1/card"];

  it.each(REST.filter(([, path]) => !AMBIGUOUS.includes(path)))(
    "recognises %s %s without a header",
    (verb, path, method, template) => {
      expect(recogniseA2A("headers", verb, `http://a${path}`, undefined)).toMatchObject({ method, template });
    },
  );

  it.each(AMBIGUOUS)("recognises GET %s, a path of other services too, only with A2A headers", (path) => {
    expect(recogniseA2A("headers", "GET", `http://a${path}`, { accept: "application/json" })).toBeUndefined();
    expect(recogniseA2A("headers", "GET", `http://a${path}`, { accept: "application/a2a+json, application/json" })).toHaveProperty(
      "method",
    );
  });

  it.each([
    ["a record", { "a2a-VERSION": "1.0" }],
    ["Headers", new Headers(V1)],
    ["pairs", [["A2A-Version", "0.3"]]],
    ["a flat array", ["accept", "*/*", "A2A-Extensions", "x"]],
    ["a Map", new Map([["X-A2A-Extensions", "x"]])],
    ["the content type", { "content-type": "application/a2a+json; charset=utf-8" }],
  ])("reads headers from %s", (_, headers) => {
    expect(recogniseA2A("headers", "GET", "http://a/tasks/1", headers)?.method).toBe("GetTask");
  });

  it.each([
    ["POST", "http://api.example/v1/chat/completions"],
    ["GET", "http://a/"],
    ["GET", "http://a"],
    ["GET", "http://tasks/1"],
    ["POST", "http://tasks/1:cancel"],
    ["GET", "http://a/message:send"],
    ["POST", "http://a/other-message:sending"],
    ["POST", "http://a/mymessage:send"],
    ["POST", "http://a/tasks/:cancel"],
    ["POST", "http://a/tasks/t-1:run"],
    ["DELETE", "http://a/tasks/t-1:cancel"],
    ["DELETE", "http://a/tasks/t-1"],
    ["PUT", "http://a/tasks/t-1/pushNotificationConfigs"],
    ["GET", "http://a/pushNotificationConfigs"],
    ["GET", "http://a/jobs/1/pushNotificationConfigs/2"],
    ["GET", "http://a/tasks/"],
    ["GET", "http://a/files?path=/tasks/t-1"],
    ["POST", "http://a/files#/message:send"],
    ["GET", "not a url"],
    ["GET", ""],
  ])("does not recognise %s %s", (verb, url) => {
    expect(recogniseA2A("body", verb, url, V1, undefined)).toBeUndefined();
  });

  it.each(["?A2A-Version=1.0", "?historyLength=2&a2a-version=0.3"])(
    "recognises a path of other services with the query %s",
    (query) => {
      expect(recogniseA2A("headers", "GET", `http://a/tasks${query}`, undefined)?.method).toBe("ListTasks");
      expect(recogniseA2A("headers", "GET", `/base/tasks${query}`, undefined)?.template).toBe("/base/tasks");
    },
  );

  const rpc = (method: string, params: object = {}): string => JSON.stringify({ jsonrpc: "2.0", method, params, id: 1 });

  it.each([
    ["SendMessage", "SendMessage"],
    ["message/send", "SendMessage"],
    ["message/stream", "SendStreamingMessage"],
    ["tasks/get", "GetTask"],
    ["tasks/list", "ListTasks"],
    ["tasks/cancel", "CancelTask"],
    ["tasks/resubscribe", "SubscribeToTask"],
    ["tasks/pushNotificationConfig/set", "CreateTaskPushNotificationConfig"],
    ["tasks/pushNotificationConfig/get", "GetTaskPushNotificationConfig"],
    ["tasks/pushNotificationConfig/list", "ListTaskPushNotificationConfigs"],
    ["tasks/pushNotificationConfig/delete", "DeleteTaskPushNotificationConfig"],
    ["agent/getAuthenticatedExtendedCard", "GetExtendedAgentCard"],
  ])("recognises the JSON-RPC method %s as %s", (sent, method) => {
    expect(recogniseA2A("body", "POST", "http://a/rpc", V1, rpc(sent))).toEqual({ method, template: undefined });
    expect(recogniseA2A("body", "POST", "http://a/rpc", V1, rpc(sent).replaceAll("/", "\\/"))?.method).toBe(method);
    expect(recogniseA2A("body", "POST", "http://a/rpc", V1, JSON.stringify(JSON.parse(rpc(sent)), null, "\t"))?.method).toBe(
      method,
    );
  });

  it("reads the body only in the body mode, of a POST with A2A headers, and only if it is a string", () => {
    const body = rpc("SendMessage");
    expect(recogniseA2A("headers", "POST", "http://a/rpc", V1, body)).toBeUndefined();
    expect(recogniseA2A("body", "POST", "http://a/rpc", { "content-type": "application/json" }, body)).toBeUndefined();
    expect(recogniseA2A("body", "PUT", "http://a/rpc", V1, body)).toBeUndefined();
    expect(recogniseA2A("body", "POST", "http://a/rpc", V1, Buffer.from(body))).toBeUndefined();
  });

  it.each([
    ["a method that A2A does not have", rpc("eth_call")],
    ["a batch", `[${rpc("SendMessage")}]`],
    ["a method within the params", JSON.stringify({ params: { method: "SendMessage" }, id: 1 })],
    ["a string that looks like a method", JSON.stringify({ params: '"method":"SendMessage"' })],
    ["a value named like the key", JSON.stringify({ params: "method", x: "SendMessage" })],
    ["a method that is a number", '{"method":1}'],
    ["a form body", "method=SendMessage"],
    ["truncated JSON", '{"method":"Send'],
    ["an empty body", ""],
  ])("finds no method in %s", (_, body) => {
    expect(recogniseA2A("body", "POST", "http://a/rpc", V1, body)).toBeUndefined();
  });

  const bodyWithPadding = (length: number): string => `{"x":"${"y".repeat(length)}","method":"SendMessage"}`;

  it("does not find a method beyond the inspected part of the body", () => {
    const overhead = bodyWithPadding(0).length - 1;
    expect(recogniseA2A("body", "POST", "http://a/rpc", V1, bodyWithPadding(SEARCHED_BODY_LENGTH - overhead))?.method).toBe(
      "SendMessage",
    );
    expect(recogniseA2A("body", "POST", "http://a/rpc", V1, bodyWithPadding(SEARCHED_BODY_LENGTH))).toBeUndefined();
  });

  const segment = fc.stringMatching(/^[A-Za-z0-9._~%-]{1,12}$/);

  it("recognises a request under any base path, with any id and query", () => {
    const templates = REST.filter(([, path]) => path !== "/v1/card");
    fc.assert(
      fc.property(
        fc.constantFrom(...templates),
        fc.array(segment, { maxLength: 4 }),
        segment,
        segment,
        (entry, base, id, query) => {
          const [verb, path, method, template] = entry;
          const basePath = base.map((part) => `/${part}`).join("");
          const url = `https://agent.example${basePath}${path.replace("t-1", id)}?x=${query}`;
          expect(recogniseA2A("headers", verb, url, V1)).toMatchObject({ method, template: basePath + template });
        },
      ),
    );
  });

  it("never throws and only returns known methods and templates", () => {
    const known = new Set<string | undefined>([undefined, ...REST.map(([, , method]) => method)]);
    const isKnown = (template = "/tasks"): boolean => REST.some(([, , , end]) => template.endsWith(end));
    const unknown: unknown[] = [];
    fc.assert(
      fc.property(fc.constantFrom("GET", "POST", "DELETE", "X"), fc.string(), fc.string(), (verb, url, body) => {
        const found = recogniseA2A("body", verb, url, V1, body);
        if (!known.has(found?.method) || !isKnown(found?.template)) unknown.push(found);
      }),
    );
    expect(unknown).toEqual([]);
  });

  it("finds the method at any position of the top level of a JSON object", () => {
    const members = fc.dictionary(
      fc.string().filter((key) => key !== "method" && key !== "__proto__"),
      fc.jsonValue(),
      { maxKeys: 4 },
    );
    fc.assert(
      fc.property(members, members, fc.constantFrom(undefined, 2), (before, after, indent) => {
        const body = JSON.stringify({ ...before, ...after, method: undefined }, null, indent);
        const whole = JSON.stringify({ ...before, method: "tasks/get", ...after }, null, indent);
        fc.pre(whole.length < SEARCHED_BODY_LENGTH);
        expect(recogniseA2A("body", "POST", "http://a/rpc", V1, whole)?.method).toBe("GetTask");
        expect(recogniseA2A("body", "POST", "http://a/rpc", V1, body)).toBeUndefined();
      }),
    );
  });

  it.each([
    ["DELETE", "/tasks/t-1/pushNotificationConfigs"],
    ["POST", "/tasks/t-1/pushNotificationConfigs/c-1"],
    ["DELETE", "/tasks/t-1:subscribe"],
    ["DELETE", "/tasks/t-1"],
    ["PUT", "/tasks/t-1"],
  ])("does not recognise %s %s, a wrong verb for the path", (method, path) => {
    expect(recogniseA2A("headers", method, path, V1)).toBeUndefined();
  });
});
