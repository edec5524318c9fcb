import { watchUnconsumed } from "./unconsumed-body.ts";

/** Who is told what became of a stream. */
export interface Outcome {
  /** It was read to its end. */
  ended(): void;
  failed(error: unknown): void;
  /** It was cancelled, or its consumer is out of sight. @param time since when, in milliseconds; default: now. */
  left(time?: number): void;
}

/**
 * Which consumer has a stream, and what became of the stream, told once. Whatever can still consume the stream refers to this, and nothing
 * else does for long: it is collected when the stream has been dropped.
 */
export class BodyTracker implements Outcome {
  readonly #outcome: Outcome;
  #holder: object | undefined;
  #over = false;

  constructor(body: ReadableStream, outcome: Outcome) {
    this.#outcome = outcome;
    watchUnconsumed(this, body);
  }

  /** Whether a consumer in sight has the stream, or there is nothing left of it. */
  get taken(): boolean {
    return this.#over || this.#holder !== undefined;
  }

  take(holder: object): void {
    this.#holder = holder;
  }

  isHeldBy(holder: object): boolean {
    return this.#holder === holder;
  }

  /** The consumer lets go of a stream that may still be read. */
  release(body: ReadableStream): void {
    this.#holder = undefined;
    if (!this.#over) watchUnconsumed(this, body);
  }

  ended(): void {
    if (this.#finish()) this.#outcome.ended();
  }

  failed(error: unknown): void {
    if (this.#finish()) this.#outcome.failed(error);
  }

  left(time?: number): void {
    if (this.#finish()) this.#outcome.left(time);
  }

  #finish(): boolean {
    if (this.#over) return false;
    return (this.#over = true);
  }

  /** The consumptions of two copies of the stream: when one ends, this has ended; when both are left, this is left. */
  split([one, other]: readonly [ReadableStream, ReadableStream]): [BodyTracker, BodyTracker] {
    this.take(one);
    let open = 2;
    const outcome: Outcome = {
      ended: () => this.ended(),
      failed: (error) => this.failed(error),
      left: (time) => {
        if (--open === 0) this.left(time);
      },
    };
    return [new BodyTracker(one, outcome), new BodyTracker(other, outcome)];
  }
}
