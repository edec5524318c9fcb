import { context } from "@opentelemetry/api";
import { wrap } from "../core/streams/body-tap.ts";
import type { ServerCall } from "../core/calls/server-call.ts";

/** Changes a stream in place so that it is read in the request's context. Its source (an async generator) runs in the context of the reader. */
export function readInContext(call: ServerCall, body: ReadableStream): void {
  const inContext = (proceed: () => never): never => context.with(call.context, proceed);
  const bind = <Part extends object>(part: Part, ...names: PropertyKey[]): Part => {
    for (const name of names) wrap(part, name, inContext);
    return part;
  };
  bind(body, "cancel", "pipeTo");
  wrap(body, "getReader", (get: () => ReadableStreamDefaultReader) => bind(get(), "read", "cancel"));
  for (const name of ["values", Symbol.asyncIterator]) {
    wrap(body, name, (iterate: () => AsyncIterator<unknown>) => bind(iterate(), "next", "return"));
  }
  wrap(body, "tee", (tee: () => [ReadableStream, ReadableStream]) => {
    const copies = inContext(tee as () => never) as [ReadableStream, ReadableStream];
    for (const copy of copies) readInContext(call, copy);
    return copies;
  });
}
