import type { RowName } from "./rows/options.ts";

/** What one row may cost. Times in microseconds; shares of the floor, which is the bare SDK calls for the same span and headers; bytes for a call. */
export interface Figures {
  /** The library's own time for a sampled call, at the median: the promise. */
  readonly sampledTime: number;
  /** What the floor takes on a machine that has nothing else to do: where it takes longer, so may we. */
  readonly usualFloor?: number;
  /** Its own time without an SDK. */
  readonly noSdkTime?: number;
  readonly unsampledRatio?: number;
  readonly sampledRatio?: number;
  readonly noSdkBytes?: number;
  readonly unsampledBytes?: number;
  readonly sampledBytes?: number;
}

/** Less than 0.01 ms. */
const PROMISE = 10;
/** Of a client's call, whose floor was measured to take 2.5 to 4. */
const CALLING = { sampledTime: PROMISE, usualFloor: 4 };
/** The receiving side's whole share. */
const PROMISE_RECEIVING = 20;

export const FIGURES: Partial<Record<RowName, Figures>> = {
  undici: {
    ...CALLING,
    noSdkTime: 0.1,
    unsampledRatio: 1.15,
    sampledRatio: 1.15,
    noSdkBytes: 0,
    unsampledBytes: 2500,
    sampledBytes: 5500,
  },
  fetch: {
    ...CALLING,
    noSdkTime: 0.1,
    unsampledRatio: 1.3,
    sampledRatio: 1.4,
    noSdkBytes: 0,
    unsampledBytes: 3500,
    sampledBytes: 6500,
  },
  // A fetch function of the application's; the figures of the global fetch hold for it, beside a floor in the same context.
  wrapFetch: { ...CALLING, unsampledRatio: 1.3, sampledRatio: 1.4 },
  axios: {
    ...CALLING,
    noSdkTime: 1,
    unsampledRatio: 1.3,
    sampledRatio: 1.4,
    noSdkBytes: 0,
    unsampledBytes: 3000,
    sampledBytes: 6000,
  },
  got: { ...CALLING, noSdkTime: 1, unsampledRatio: 1.3, sampledRatio: 1.4 },
  server: { sampledTime: PROMISE_RECEIVING, noSdkTime: 0.5, unsampledRatio: 1.3, sampledRatio: 1.4 },
  inject: { sampledTime: PROMISE },
  extract: { sampledTime: PROMISE_RECEIVING },
};

/**
 * Where a figure is reached only just, what the gate holds instead, with room for a noisy machine. The tables show it in bold where it is not reached.
 */
export const HELD: Partial<Record<RowName, Partial<Figures>>> = {
  undici: { unsampledRatio: 1.25, sampledRatio: 1.25 },
  axios: { unsampledRatio: 1.5, sampledRatio: 1.5 },
  got: { unsampledRatio: 1.4, sampledRatio: 1.5 },
};

/** What the headers of a call without baggage may add to it, in bytes. */
export const HEADER_BYTES = 200;

/** Bytes that a measurement without any allocation may show all the same. */
export const BYTES_TOLERANCE = 16;

/** A whole client over in-memory sockets: our share beside that of OpenTelemetry's own instrumentation. */
export const STACK_RATIOS: Record<string, number> = { undici: 0.45, fetch: 0.5, axios: 0.35, got: 0.25, server: 0.5 };

/** How much a call may cost more, by a longer URL, more calls in flight, more origins. */
export const GROWTH = 1.3;

/** The 99th percentile of a call's own time, in microseconds. */
export const SLOWEST = 10;
