import { describe, expect, it } from "vitest";
import { agentAttributes, readResult, requestAttributes } from "../../src/a2a/attributes.ts";
import { clientFailure, handlerFailure } from "../../src/a2a/failure.ts";

const NOTHING = { taskId: undefined, state: undefined, conversation: undefined };

describe("readResult()", () => {
  it.each<[string, unknown, unknown]>([
    [
      "a task",
      { id: "t-1", contextId: "c-1", status: { state: 3 } },
      { taskId: "t-1", state: "TASK_STATE_COMPLETED", conversation: "c-1" },
    ],
    [
      "a task with a textual state",
      { id: "t-1", status: { state: "TASK_STATE_WORKING" } },
      { ...NOTHING, taskId: "t-1", state: "TASK_STATE_WORKING" },
    ],
    ["an unknown textual state", { id: "t-1", status: { state: "done" } }, { ...NOTHING, taskId: "t-1" }],
    ["an unknown numeric state", { id: "t-1", status: { state: 99 } }, { ...NOTHING, taskId: "t-1" }],
    [
      "an event of a stream",
      { payload: { value: { taskId: "t-2", contextId: "c-2", status: { state: 2 } } } },
      { taskId: "t-2", state: "TASK_STATE_WORKING", conversation: "c-2" },
    ],
    ["a message", { messageId: "m", taskId: "", contextId: "c-3" }, { ...NOTHING, conversation: "c-3" }],
    ["no result", undefined, undefined],
    ["a text", "ok", undefined],
  ])("reads %s", (_, result, fields) => {
    expect(readResult(result)).toEqual(fields);
  });
});

it("omits attributes of fields that a request does not have", () => {
  expect(requestAttributes("GetTask", { id: "t-1", tenant: "" }, "acme", 1)).toEqual({
    "a2a.method.name": "GetTask",
    "a2a.task.id": "t-1",
    "a2a.tenant": "acme",
  });
  expect(requestAttributes("ListTasks", null, undefined, "1.0")).toEqual({
    "a2a.method.name": "ListTasks",
    "a2a.protocol.version": "1.0",
  });
  expect(agentAttributes(undefined)).toEqual({});
});

describe("error.type", () => {
  const named = (name: unknown, more: object = {}): Error => Object.assign(new Error("x"), { name, ...more });
  it.each<[string, unknown, string, string]>([
    ["a JSON-RPC code", named("x", { envelopeCode: -32001 }), "-32001", "-32001"],
    ["a status of REST", named("x", { transport: "rest", statusCode: 404 }), "404", "404"],
    [
      "an error of a stream that breaks off, with the status of the stream",
      named("AnError", { transport: "rest", statusCode: 200 }),
      "AnError",
      "-32603",
    ],
    ["an error whose cause has the code", named("AnError", { cause: named("x", { envelopeCode: -32004 }) }), "-32004", "-32603"],
    ["an error whose name is not a text", named(7), "Error", "-32603"],
    ["a value that is not an error", "no", "_OTHER", "-32603"],
  ])("of %s", (_, error, onClient, onServer) => {
    expect(clientFailure(error, undefined)?.type).toBe(onClient);
    expect(handlerFailure(error).type).toBe(onServer);
  });

  it.each([
    [5, "NOT_FOUND"],
    [99, "99"],
  ])("of an error with the gRPC status %s is %s", (status, type) => {
    expect(clientFailure(named("TaskNotFoundError", { transport: "grpc", status }), undefined)?.type).toBe(type);
  });

  it("of a gRPC call that its signal has ended is that of the signal's reason", () => {
    const cancelled = named("A2AError", { transport: "grpc", status: 1 });
    expect(clientFailure(cancelled, AbortSignal.abort())).toBeUndefined();
    expect(clientFailure(cancelled, AbortSignal.abort(new DOMException("", "TimeoutError")))?.type).toBe("TimeoutError");
    expect(clientFailure(cancelled, undefined)?.type).toBe("CANCELLED");
  });
});

it("describes exceptions and protocol errors without secrets, and leaves an HTTP status without a description", () => {
  const at = (fields: object): Error => Object.assign(new Error("no agent at https://a:b@agent.example/?sig=1"), fields);
  const description = "no agent at https://REDACTED:REDACTED@agent.example/?sig=REDACTED";
  const exception = at({});
  expect(clientFailure(exception, undefined)).toEqual({ type: "Error", description, exception });
  expect(clientFailure(at({ envelopeCode: -32001 }), undefined)).toEqual({ type: "-32001", description });
  expect(clientFailure(at({ transport: "rest", statusCode: 404 }), undefined)).toEqual({ type: "404" });
});
