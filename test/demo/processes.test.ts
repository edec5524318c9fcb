import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
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

describe("startAgent", () => {
  it("receives the URL and the report of an agent, and stops it", async () => {
    const agent = start("good");
    expect(await agent.url).toBe("http://127.0.0.1:1");
    agent.send({ peers: { writer: "http://127.0.0.1:2" } });
    expect(await agent.report).toBe('{"writer":"http://127.0.0.1:2"}');
    agent.send({ stop: true });
    await agent.ended;
  });

  it("reports an agent that exits before it is stopped, even with exit code 0", async () => {
    const agent = start("early");
    await expect(agent.ended).rejects.toThrow(new Error("early died with exit code 0"));
    await expect(agent.url).rejects.toThrow("early died");
  });

  it("rejects every promise of an agent that dies", async () => {
    const agent = start("broken");
    await expect(agent.ended).rejects.toThrow(new Error("broken died with exit code 3"));
    await expect(agent.report).rejects.toThrow(new Error("broken died with exit code 3"));
  });

  it("reports an agent that fails while it stops", async () => {
    const agent = start("bad");
    await agent.url;
    agent.send({ stop: true });
    await expect(agent.ended).rejects.toThrow(new Error("bad died with exit code 4"));
  });

  it("kills an agent that exceeds its deadline", async () => {
    const agent = start("idle", 300);
    await expect(agent.ended).rejects.toThrow(new Error("idle did not finish within 300 ms"));
  });

  it("kills an agent, and ignores messages to one that is dead", async () => {
    const agent = start("idle");
    agent.kill();
    await expect(agent.ended).rejects.toThrow(new Error("idle died with SIGKILL"));
    agent.send({ stop: true });
  });
});
