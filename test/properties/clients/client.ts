import type { ClientOptions } from "../../../src/index.ts";
import type { Asked } from "../requests.ts";

/** What the application receives. */
export interface Answer {
  status: number;
  body: string;
}

/** The selected variant of each choice, by name. */
export type Selection = Readonly<Record<string, string>>;

/** A client that can express the same request in many ways; the first variant of each choice is the usual one. */
export interface PropertyClient {
  readonly name: string;
  readonly variants: Readonly<Record<string, readonly string[]>>;
  /** @param traced the options of the adapter; undefined for the client without the library. */
  readonly send: (asked: Asked, server: string, selection: Selection, traced: ClientOptions | undefined) => Promise<Answer>;
}

/** The variants of one choice. */
export type Variants<Make> = Readonly<Record<string, Make>>;

export function pick<Make>(variants: Variants<Make>, selection: Selection, of: string): Make {
  const make = variants[selection[of] as string];
  if (make === undefined) throw new Error(`unknown variant of ${of}: ${selection[of]}`);
  return make;
}

/** Caches the traced client of each options object. */
export function memoize<Client>(make: (options: ClientOptions) => Client): (options: ClientOptions) => Client {
  const made = new WeakMap<ClientOptions, Client>();
  return (options) => {
    let client = made.get(options);
    if (client === undefined) made.set(options, (client = make(options)));
    return client;
  };
}
