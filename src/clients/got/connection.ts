import type { Socket } from "node:net";

/** The state of the connection of a request or a response. The `socket` of http2 is a proxy, which throws as soon as its session has ended. */
export function readConnection(message: { readonly socket: Socket | null } | undefined): Partial<Socket> {
  try {
    const { readableEnded, errored, remoteAddress, remotePort }: Partial<Socket> = message?.socket ?? {};
    return { readableEnded, errored, remoteAddress, remotePort } as Partial<Socket>;
  } catch {
    return { readableEnded: true };
  }
}

/** Whether the error of a connection came from a system call. A TLS connection that is destroyed cancels the writes that are in progress. */
export function isSystemError(errored: NodeJS.ErrnoException | null | undefined): boolean {
  return errored?.syscall !== undefined && errored.code !== "ECANCELED";
}

/** Whether a stream was destroyed by Node because the stream that it was piped to had failed: then it has an `AbortError` without a cause. */
export function isCleanUp(error: Error | null | undefined): boolean {
  return error?.name === "AbortError" && error.cause === undefined;
}
