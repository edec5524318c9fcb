import { watchUnconsumed } from "./unconsumed-body.ts";

/** Receives what became of a stream. */
export interface BodyOutcome {
  /** It was read to its end. */
  ended(): void;
  failed(error: unknown): void;
  /** It was cancelled, or its consumer cannot be observed. @param time since when, in milliseconds of `performance.now()`; default: now. */
  abandoned(time?: number): void;
}

/**
 * Tracks which consumer holds a stream, and reports its outcome once. Only what can still consume the stream refers to the tracker for long, so that
 * it is garbage-collected with a stream that was dropped.
 */
export class BodyTracker implements BodyOutcome {
  readonly #outcome: BodyOutcome;
  #holder: object | undefined;
  #isOver = false;

  private constructor(outcome: BodyOutcome) {
    this.#outcome = outcome;
  }

  /** Starts to track a stream. */
  static track(body: ReadableStream, outcome: BodyOutcome): BodyTracker {
    const tracker = new BodyTracker(outcome);
    watchUnconsumed(tracker, body);
    return tracker;
  }

  /** Whether an observable consumer holds the stream, or its outcome is known. */
  get isConsumed(): boolean {
    return this.#isOver || this.#holder !== undefined;
  }

  take(holder: object): void {
    this.#holder = holder;
  }

  isHeldBy(holder: object): boolean {
    return this.#holder === holder;
  }

  /** The consumer releases a stream that may still be read. */
  release(body: ReadableStream): void {
    this.#holder = undefined;
    if (!this.#isOver) watchUnconsumed(this, body);
  }

  ended(): void {
    if (this.#finish()) this.#outcome.ended();
  }

  failed(error: unknown): void {
    if (this.#finish()) this.#outcome.failed(error);
  }

  abandoned(time?: number): void {
    if (this.#finish()) this.#outcome.abandoned(time);
  }

  #finish(): boolean {
    if (this.#isOver) return false;
    return (this.#isOver = true);
  }

  /** Trackers of two copies of the stream (`tee`): when one has ended, this has ended; when both are abandoned, this is abandoned. */
  split([one, other]: readonly [ReadableStream, ReadableStream]): [BodyTracker, BodyTracker] {
    this.take(one);
    let open = 2;
    const outcome: BodyOutcome = {
      ended: () => this.ended(),
      failed: (error) => this.failed(error),
      abandoned: (time) => {
        if (--open === 0) this.abandoned(time);
      },
    };
    return [BodyTracker.track(one, outcome), BodyTracker.track(other, outcome)];
  }
}
