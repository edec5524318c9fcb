import { wrapFetch } from "a2a-otel/fetch";

export const dynamic = "force-dynamic";

/** Above the fetch of Next.js, which is what `fetch` is here. */
export async function GET(): Promise<Response> {
  const traced = wrapFetch(fetch);
  const answer = await traced(`${process.env["AGENT_URL"]}/ok?wrapped`, { cache: "force-cache" });
  return new Response(await answer.text());
}
