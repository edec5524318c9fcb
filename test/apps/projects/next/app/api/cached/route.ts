export const dynamic = "force-dynamic";

export async function GET(): Promise<Response> {
  const answer = await fetch(`${process.env["AGENT_URL"]}/ok?cached`, { cache: "force-cache" });
  return new Response(await answer.text());
}
