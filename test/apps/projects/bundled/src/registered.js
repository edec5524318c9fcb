// Imported for its side effects alone: a bundler must not take it for unused.
import "a2a-otel/register";
import "./telemetry.js";
import { trace } from "@opentelemetry/api";

void trace.getTracer("app").startActiveSpan("work", async (span) => {
  const answer = await fetch(`${process.env.AGENT_URL}/ok`);
  console.log(await answer.text());
  span.end();
});
