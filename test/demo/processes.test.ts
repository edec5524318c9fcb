import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startAgent } from "../../examples/demo/processes.ts";

const SCRIPTS = {
  good: `
    process.send({ url: "http://127.0.0.1:1" });
    process.on("message", (message) => {
      if ("peers" in message) process.send({ report: JSON.stringify(message.peers) });
      else process.exit(0);
    });`,
  early: "process.exit(0);",
  broken: "process.exit(3);",
  idle: "setInterval(() => {}, 1000);",
  bad: "process.on('message', () => process.exit(4)); process.send({ url: '' });",
};

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "a2a-otel-demo-"));
  for (const [name, source] of Object.entries(SCRIPTS)) writeFileSync(join(folder, `${name}.mjs`), source);
});
afterAll(() => rmSync(folder, { recursive: true }));

const start = (name: keyof typeof SCRIPTS, deadline = 10_000): ReturnType<typeof startAgent> =>
  startAgent(name, join(folder, `${name}.mjs`), process.env, deadline);

test("an agent tells its address and its report, and ends when it is told to", async () => {
  const agent = start("good");
  expect(await agent.url).toBe("http://127.0.0.1:1");
  agent.tell({ peers: { writer: "http://127.0.0.1:2" } });
  expect(await agent.report).toBe('{"writer":"http://127.0.0.1:2"}');
  agent.tell({ stop: true });
  await agent.ended;
});

test("an agent that ends before it is told to has died, whatever its exit code", async () => {
  const agent = start("early");
  await expect(agent.ended).rejects.toThrow(new Error("early died with exit code 0"));
  await expect(agent.url).rejects.toThrow("early died");
});

test("an agent that dies says so to all who wait for it", async () => {
  const agent = start("broken");
  await expect(agent.ended).rejects.toThrow(new Error("broken died with exit code 3"));
  await expect(agent.report).rejects.toThrow(new Error("broken died with exit code 3"));
});

test("an agent that fails when it is told to stop has died", async () => {
  const agent = start("bad");
  await agent.url;
  agent.tell({ stop: true });
  await expect(agent.ended).rejects.toThrow(new Error("bad died with exit code 4"));
});

test("an agent that is not done at its deadline is killed", async () => {
  const agent = start("idle", 300);
  await expect(agent.ended).rejects.toThrow(new Error("idle was not done within 300 ms"));
});

test("an agent can be killed, and telling a dead one anything is harmless", async () => {
  const agent = start("idle");
  agent.kill();
  await expect(agent.ended).rejects.toThrow(new Error("idle died with SIGKILL"));
  agent.tell({ stop: true });
});
