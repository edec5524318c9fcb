/** What of a request all clients can be asked for. */
export interface Sent {
  readonly url: string;
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body: string | Buffer | (() => AsyncGenerator<Buffer>) | undefined;
  readonly signal: AbortSignal | undefined;
  /** Writes down what the application is told of on the way. */
  readonly note: (event: string) => void;
}

/** What an application gets of an answer. */
export interface Told {
  readonly status: number;
  readonly headers?: Iterable<readonly [string, unknown]> | Record<string, unknown>;
  /** The body, where all of it has been read. */
  readonly body?: unknown;
  readonly more?: Record<string, unknown>;
}

/** A way in which an application uses a client. */
export interface Way {
  readonly name: string;
  /** How it leaves a body that does not end, by itself. */
  readonly leaves?: "at the head" | "in the body";
  /** Whether it leaves a body lying about, and its connection with it. */
  readonly abandons?: true;
  /** Whether it gives up by a timeout of the client's own. */
  readonly timesOut?: true;
  /** Methods that it can be used with; default: all. */
  readonly methods?: readonly string[];
  /** Whether a body can be a stream; default: yes. */
  readonly streamsUp?: false;
  /** It gives up without telling the client why. */
  readonly tellsNoReason?: true;
  /** HTTP/2, with a server of its own. */
  readonly http2?: true;
  /** False: requests are sent again where we do not see it. */
  readonly seesAttempts?: false;
  /** It tells its application nothing of a body that is cut. */
  readonly hidesFailures?: true;
  readonly call: (sent: Sent) => Promise<Told>;
}

/** The ways of one client, and what they keep open between calls. */
export interface Ways {
  readonly ways: readonly Way[];
  /** Which ways never end with which faults, by no fault of ours: there is nothing to wait for. */
  readonly hangs?: readonly (readonly [way: RegExp, fault: RegExp])[];
  readonly close: () => Promise<void> | void;
}
