import type { ServerHttp2Stream } from "node:http2";

const NGHTTP2_NO_ERROR = 0;

/** `error.type` of a stream that the server has reset; Node.js creates an error with this code for most reset codes. */
export const STREAM_RESET = "ERR_HTTP2_STREAM_ERROR";

/** How the response of an HTTP/2 stream ends. */
export interface StreamEnd {
  /** Whether the server has reset the stream; false if the client has. */
  isResetByServer: boolean;
}

/**
 * Watches how the response of an HTTP/2 stream ends. The compatibility API reports the end of the response only when the stream closes, and
 * reports a reset like a normal end.
 *
 * @param complete is called if the response has been sent while the client is still sending its request body.
 */
export function watchStream(stream: ServerHttp2Stream, complete: () => void): StreamEnd {
  const end: StreamEnd = { isResetByServer: false };
  const checkReset = (): void => {
    // node:http2 destroys a stream in the same turn in which the client's RST_STREAM arrives. A stream that the server closes is destroyed
    // in a later turn, after RST_STREAM has been sent.
    if (stream.rstCode !== NGHTTP2_NO_ERROR && !stream.destroyed) end.isResetByServer = true;
  };
  // If data is pending, there is no "finish" event after a reset. A stream that is destroyed already was destroyed by the application, whose
  // error is on the stream.
  stream.once("aborted", () => {
    if (!stream.destroyed) queueMicrotask(checkReset);
  });
  stream.once("finish", () => {
    checkReset();
    const isComplete = !stream.aborted && stream.rstCode === NGHTTP2_NO_ERROR;
    if (isComplete && !stream.endAfterHeaders && !stream.readableEnded) complete();
  });
  return end;
}
