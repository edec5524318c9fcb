import assert from "node:assert/strict";
import { TaskState } from "@a2a-js/sdk";
import type { Client } from "@a2a-js/sdk/client";
import { TaskNotFoundError } from "@a2a-js/sdk/errors";
import { connect, plainClient, request, startAgent } from "../../a2a/agents.ts";
import type { Agent } from "../../a2a/agents.ts";
import { instrumentNode } from "../../../src/node.ts";
import type { Suite } from "./suite.ts";

interface Pair {
  readonly start: () => Promise<Agent>;
  readonly connect: (agent: Agent) => Promise<Client>;
}

const plain: Pair = { start: () => startAgent({ http: false, a2a: false }), connect: plainClient };

async function withClient(pair: Pair, check: (client: Client) => Promise<void>): Promise<void> {
  const agent = await pair.start();
  try {
    await check(await pair.connect(agent));
  } finally {
    await agent.close();
  }
}

export const a2aSuite: Suite<Pair> = {
  name: "@a2a-js/sdk",
  source: "A2A specification, the SDK's README",
  plain: () => plain,
  variants: {
    "`wrapA2AClient`, `wrapRequestHandler`": () => ({ subject: { start: () => startAgent(), connect } }),
    "`instrumentNode`": () => ({ subject: plain, undo: instrumentNode() }),
  },
  checks: {
    "sendMessage() returns a task or a message": async (pair) =>
      withClient(pair, async (client) => assert.ok(await client.sendMessage(request()))),
    "sendMessageStream() yields events until the task is in a final state": async (pair) =>
      withClient(pair, async (client) => {
        const events: unknown[] = [];
        for await (const event of client.sendMessageStream(request())) events.push(event);
        assert.ok(events.length > 1);
      }),
    "a stream can be left early": async (pair) =>
      withClient(pair, async (client) => {
        for await (const event of client.sendMessageStream(request())) {
          assert.ok(event);
          break;
        }
      }),
    "getTask() rejects with TaskNotFoundError": async (pair) =>
      withClient(pair, async (client) => assert.rejects(() => client.getTask({ tenant: "", id: "nowhere" }), TaskNotFoundError)),
    "cancelTask() rejects with TaskNotFoundError": async (pair) =>
      withClient(pair, async (client) =>
        assert.rejects(() => client.cancelTask({ tenant: "", id: "nowhere", metadata: undefined }), TaskNotFoundError),
      ),
    "an aborted signal rejects the call": async (pair) =>
      withClient(pair, async (client) =>
        assert.rejects(() => client.sendMessage(request(), { signal: AbortSignal.abort() }), { name: "AbortError" }),
      ),
    "has the states of the specification": () => assert.equal(typeof TaskState.TASK_STATE_COMPLETED, "number"),
  },
};
