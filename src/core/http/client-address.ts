import { readHeader } from "../propagation/carrier.ts";

/**
 * The client's address as proxies tell it: the first `for` of `Forwarded` (RFC 7239), else the first of `X-Forwarded-For`. Any client can
 * write these headers, so this is only for servers that stand behind a proxy of their own.
 */
export function clientAddress(headers: unknown): string | undefined {
  const forwarded = readHeader(headers, "forwarded");
  const node = forwarded && /(?:^|[;,\s])for=([^;,\s]+)/i.exec(forwarded)?.[1];
  return addressOf(node) ?? addressOf(readHeader(headers, "x-forwarded-for")?.split(",")[0]);
}

/** The address of a node (RFC 7239 section 6), without quotes, brackets and port; undefined where it is hidden. */
function addressOf(node: string | undefined): string | undefined {
  const text = node?.trim().replaceAll('"', "") ?? "";
  if (text === "" || text.startsWith("_") || text.toLowerCase() === "unknown") return undefined;
  const bracketed = /^\[([^\]]+)\]/.exec(text)?.[1];
  if (bracketed !== undefined) return bracketed;
  return text.indexOf(":") === text.lastIndexOf(":") ? text.replace(/:\d+$/, "") : text;
}
