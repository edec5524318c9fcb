/** A request that all clients can make. */
export interface Sent {
  readonly url: string;
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body: string | Buffer | (() => AsyncGenerator<Buffer>) | undefined;
  readonly signal: AbortSignal | undefined;
  /** Records an event that the application observes. */
  readonly note: (event: string) => void;
}

/** What an application receives of a response. */
export interface Received {
  readonly status: number;
  readonly headers?: Iterable<readonly [string, unknown]> | Record<string, unknown>;
  /** The body, if all of it was read. */
  readonly body?: unknown;
  readonly more?: Record<string, unknown>;
}

/** One way in which an application uses a client. */
export interface Usage {
  readonly name: string;
  /** Where it stops reading a body that does not end. */
  readonly leaves?: "at the head" | "in the body";
  /** Whether it leaves a body unread and its connection open. */
  readonly abandons?: true;
  /** Whether it gives up by a timeout of the client. */
  readonly timesOut?: true;
  /** The methods that it supports; default: all. */
  readonly methods?: readonly string[];
  /** Whether a request body can be a stream; default: yes. */
  readonly streamsUp?: false;
  /** It aborts without passing the reason to the client. */
  readonly hidesAbortReason?: true;
  /** It uses HTTP/2, with a server of its own. */
  readonly http2?: true;
  /** False if the library cannot see repeated attempts. */
  readonly seesAttempts?: false;
  /** It does not report a truncated body to the application. */
  readonly hidesFailures?: true;
  readonly call: (sent: Sent) => Promise<Received>;
}

/** The usages of one client, with the connections that they keep open. */
export interface ClientUsages {
  readonly usages: readonly Usage[];
  /** The usages that never end with certain faults, also without the library. They are not run together. */
  readonly hangs?: readonly (readonly [usage: RegExp, fault: RegExp])[];
  readonly close: () => Promise<void> | void;
}

/** How a call ended. */
export type Settled = { readonly received: Received } | { readonly error: unknown };
