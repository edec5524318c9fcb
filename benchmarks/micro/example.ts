import type { Comparison } from "./comparison.ts";

const URL_TEXT = "http://agent.internal:8080/agents/1";

let lastUrl = "";
let lastHost = "";

function cachedHost(url: string): string {
  if (url !== lastUrl) {
    lastUrl = url;
    lastHost = new URL(url).host;
  }
  return lastHost;
}

/** An example to copy. It is not a measurement of the library's code. */
export const comparison: Comparison = {
  description: "Keeps the host of the last URL instead of parsing the URL each time.",
  clever: () => cachedHost(URL_TEXT),
  obvious: () => new URL(URL_TEXT).host,
};
