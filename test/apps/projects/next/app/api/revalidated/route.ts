export const dynamic = "force-dynamic";

export async function GET(): Promise<Response> {
  const answer = await fetch(`${process.env["AGENT_URL"]}/ok?revalidated`, { next: { revalidate: 1 } });
  return new Response(await answer.text());
}
