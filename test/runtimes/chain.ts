import assert from "node:assert/strict";
import type { Running } from "../apps/process.ts";
import { ask, newCaller } from "../apps/traces.ts";
import type { Collector } from "./collector.ts";

/** Has each service call the Node agent, which calls the next one, and so on: it is one trace, in which each span hangs beneath the one before. */
export async function verifyChain(services: ReadonlyMap<string, Running>, agent: Running, collector: Collector): Promise<string> {
  // The Worker begins; a service alone ends the chain, too.
  const chosen = [...services.entries()].toReversed();
  const names = chosen.flatMap(([name]) => [name, "node"]).concat(chosen[0]?.[0] ?? []);
  const urls = names.map((name) => (services.get(name) ?? agent).url);
  const everybody = new Set([agent.url, ...urls]);
  await collector.spansOf(...everybody); // what was before
  const caller = newCaller();
  const { status, text } = await ask(`${urls[0]}/chain?to=${urls.slice(1).join(",")}`, caller);
  assert.deepEqual([status, text.trim()], [200, names.join(" ")]);

  const spans = await collector.spansOf(...everybody);
  const path: string[] = [];
  for (let parent: string | undefined = caller.spanId; parent !== undefined;) {
    const children = spans.filter((span) => span.parentSpanId === parent && span.traceId === caller.traceId);
    assert.ok(children.length <= 1, `${children.length} spans hang beneath ${path.at(-1)}`);
    if (children[0] !== undefined) path.push(`${children[0].service} ${children[0].kind}`);
    parent = children[0]?.spanId;
  }
  const expected = names.flatMap((name) => [`${name} SERVER`, `${name} CLIENT`]).slice(0, -1);
  assert.deepEqual(path, expected);
  assert.equal(spans.length, expected.length);
  return `${names.join(" > ")}: ${spans.length} spans`;
}
