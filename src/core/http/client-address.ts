import { readHeader } from "../propagation/carrier.ts";

/**
 * The client's address as reported by proxies: the first `for` of `Forwarded` (RFC 7239), else the first entry of `X-Forwarded-For`. Any
 * client can send these headers, so a server may trust them only behind a proxy that replaces them.
 */
export function clientAddress(headers: unknown): string | undefined {
  const forwarded = readHeader(headers, "forwarded");
  const node = forwarded && /(?:^|[;,\s])for=([^;,\s]+)/i.exec(forwarded)?.[1];
  return nodeAddress(node) ?? nodeAddress(readHeader(headers, "x-forwarded-for")?.split(",")[0]);
}

/** The address of a node (RFC 7239 section 6) without quotes, brackets and port; undefined for an obfuscated or unknown node. */
function nodeAddress(node: string | undefined): string | undefined {
  const text = node?.trim().replaceAll('"', "") ?? "";
  if (text === "" || text.startsWith("_") || text.toLowerCase() === "unknown") return undefined;
  const bracketed = /^\[([^\]]+)\]/.exec(text)?.[1];
  if (bracketed !== undefined) return bracketed;
  return text.indexOf(":") === text.lastIndexOf(":") ? text.replace(/:\d+$/, "") : text;
}
