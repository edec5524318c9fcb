import type { ReactNode } from "react";

export const dynamic = "force-dynamic";

async function ask(): Promise<string> {
  const answer = await fetch(`${process.env["AGENT_URL"]}/ok?component`);
  return answer.text();
}

/** React lets two components that ask for the same in one rendering share the answer. */
export default async function Page(): Promise<ReactNode> {
  const answers = await Promise.all([ask(), ask()]);
  return <p>{answers.join(" ")}</p>;
}
