import { describe, expect, it } from "vitest";
import { agentAttributes, readResult, requestAttributes } from "../../src/a2a/attributes.ts";
import { handlerErrorType, clientErrorType } from "../../src/a2a/failure.ts";

const NOTHING = { taskId: undefined, state: undefined, conversation: undefined };

describe("what a result tells", () => {
  it.each<[string, unknown, unknown]>([
    [
      "a task",
      { id: "t-1", contextId: "c-1", status: { state: 3 } },
      { taskId: "t-1", state: "TASK_STATE_COMPLETED", conversation: "c-1" },
    ],
    [
      "a task whose state is a text",
      { id: "t-1", status: { state: "TASK_STATE_WORKING" } },
      { ...NOTHING, taskId: "t-1", state: "TASK_STATE_WORKING" },
    ],
    ["a state that is none", { id: "t-1", status: { state: "done" } }, { ...NOTHING, taskId: "t-1" }],
    ["a state beyond the list", { id: "t-1", status: { state: 99 } }, { ...NOTHING, taskId: "t-1" }],
    [
      "an event of a stream",
      { payload: { value: { taskId: "t-2", contextId: "c-2", status: { state: 2 } } } },
      { taskId: "t-2", state: "TASK_STATE_WORKING", conversation: "c-2" },
    ],
    ["a message", { messageId: "m", taskId: "", contextId: "c-3" }, { ...NOTHING, conversation: "c-3" }],
    ["nothing", undefined, undefined],
    ["a text", "ok", undefined],
  ])("%s", (_, result, told) => {
    expect(readResult(result)).toEqual(told);
  });
});

it("a request tells what it has, and nothing of what it has not", () => {
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

describe("the type of a failure", () => {
  const named = (name: unknown, more: object = {}): Error => Object.assign(new Error("x"), { name, ...more });
  it.each<[string, unknown, string, string]>([
    ["a JSON-RPC code", named("x", { envelopeCode: -32001 }), "-32001", "-32001"],
    ["a status of REST", named("x", { transport: "rest", statusCode: 404 }), "404", "404"],
    [
      "an error in mid-stream, whose status is the stream's",
      named("AnError", { transport: "rest", statusCode: 200 }),
      "AnError",
      "-32603",
    ],
    ["one whose cause has the code", named("AnError", { cause: named("x", { envelopeCode: -32004 }) }), "-32004", "-32603"],
    ["one whose name is no text", named(7), "Error", "-32603"],
    ["no error", "no", "_OTHER", "-32603"],
  ])("%s", (_, error, received, answered) => {
    expect([clientErrorType(error, undefined), handlerErrorType(error)]).toEqual([received, answered]);
  });
});
