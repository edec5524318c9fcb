import * as fc from "fast-check";
import { expect, it } from "vitest";
import { BODY_LOOK, recogniseA2A } from "../../../src/core/http/a2a-recognition.ts";

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

it.each(REST)("%s %s is %s", (verb, path, method, template) => {
  expect(recogniseA2A("headers", verb, `https://agent.example${path}`, V1)).toEqual({ method, template });
  expect(recogniseA2A("headers", verb, `https://agent.example/base/acme${path}?historyLength=2#x`, V1)).toEqual({
    method,
    template,
  });
  expect(recogniseA2A("headers", verb, path, V1)).toEqual({ method, template });
});

const OWN = ["/tasks", "/tasks/t-1", "/v1/card"];

it.each(REST.filter(([, path]) => !OWN.includes(path)))("%s %s needs no header", (verb, path, method, template) => {
  expect(recogniseA2A("headers", verb, `http://a${path}`, undefined)).toEqual({ method, template });
});

it.each(OWN)("GET %s, a path that other services have, needs A2A's headers", (path) => {
  expect(recogniseA2A("headers", "GET", `http://a${path}`, { accept: "application/json" })).toBeUndefined();
  expect(recogniseA2A("headers", "GET", `http://a${path}`, { accept: "application/a2a+json, application/json" })).toBeDefined();
});

it.each([
  ["a record", { "a2a-VERSION": "1.0" }],
  ["Headers", new Headers(V1)],
  ["pairs", [["A2A-Version", "0.3"]]],
  ["a flat array", ["accept", "*/*", "A2A-Extensions", "x"]],
  ["a Map", new Map([["X-A2A-Extensions", "x"]])],
  ["the content type", { "content-type": "application/a2a+json; charset=utf-8" }],
])("headers may be %s", (_, headers) => {
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
])("%s %s is not A2A's", (verb, url) => {
  expect(recogniseA2A("body", verb, url, V1, undefined)).toBeUndefined();
});

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
])("the body's method %s is %s", (sent, method) => {
  expect(recogniseA2A("body", "POST", "http://a/rpc", V1, rpc(sent))).toEqual({ method, template: undefined });
  expect(recogniseA2A("body", "POST", "http://a/rpc", V1, rpc(sent).replaceAll("/", "\\/"))?.method).toBe(method);
  expect(recogniseA2A("body", "POST", "http://a/rpc", V1, JSON.stringify(JSON.parse(rpc(sent)), null, "\t"))?.method).toBe(method);
});

it("a body is looked at only in its mode, of a request whose headers show A2A, and as a string", () => {
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
  ["a text that looks like one", JSON.stringify({ params: '"method":"SendMessage"' })],
  ["a value", JSON.stringify({ params: "method", x: "SendMessage" })],
  ["a number", '{"method":1}'],
  ["text", "method=SendMessage"],
  ["a cut", '{"method":"Send'],
  ["nothing", ""],
])("%s is no method", (_, body) => {
  expect(recogniseA2A("body", "POST", "http://a/rpc", V1, body)).toBeUndefined();
});

const behind = (length: number): string => `{"x":"${"y".repeat(length)}","method":"SendMessage"}`;

it("a method behind the part that is looked at is not found", () => {
  const overhead = behind(0).length - 1;
  expect(recogniseA2A("body", "POST", "http://a/rpc", V1, behind(BODY_LOOK - overhead))?.method).toBe("SendMessage");
  expect(recogniseA2A("body", "POST", "http://a/rpc", V1, behind(BODY_LOOK))).toBeUndefined();
});

const segment = fc.stringMatching(/^[A-Za-z0-9._~%-]{1,12}$/);

it("any base path, tenant, id and query leave the method and the template as they are", () => {
  const templates = REST.filter(([, path]) => path !== "/v1/card");
  fc.assert(
    fc.property(fc.constantFrom(...templates), fc.array(segment, { maxLength: 4 }), segment, segment, (entry, base, id, query) => {
      const [verb, path, method, template] = entry;
      const url = `https://agent.example${base.map((part) => `/${part}`).join("")}${path.replace("t-1", id)}?x=${query}`;
      expect(recogniseA2A("headers", verb, url, V1)).toEqual({ method, template });
    }),
  );
});

it("a URL of any kind, with a body of any kind, never throws and gives nothing that is not on the list", () => {
  const known = new Set<string | undefined>([undefined, ...REST.flatMap(([, , method, template]) => [method, template])]);
  const unknown: unknown[] = [];
  fc.assert(
    fc.property(fc.constantFrom("GET", "POST", "DELETE", "X"), fc.string(), fc.string(), (verb, url, body) => {
      const found = recogniseA2A("body", verb, url, V1, body);
      if (!known.has(found?.method) || !known.has(found?.template)) unknown.push(found);
    }),
  );
  expect(unknown).toEqual([]);
});

it("the method is found wherever it stands at the top of any JSON object", () => {
  const members = fc.dictionary(
    fc.string().filter((key) => key !== "method" && key !== "__proto__"),
    fc.jsonValue(),
    { maxKeys: 4 },
  );
  fc.assert(
    fc.property(members, members, fc.constantFrom(undefined, 2), (before, after, indent) => {
      const body = JSON.stringify({ ...before, ...after, method: undefined }, null, indent);
      const whole = JSON.stringify({ ...before, method: "tasks/get", ...after }, null, indent);
      fc.pre(whole.length < BODY_LOOK);
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
])("%s %s is no method of A2A", (method, path) => {
  expect(recogniseA2A("headers", method, path, V1)).toBeUndefined();
});
