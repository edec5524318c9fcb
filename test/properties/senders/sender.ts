import type { ClientOptions } from "../../../src/index.ts";
import type { Asked } from "../requests.ts";

/** What an application gets. */
export interface Answer {
  status: number;
  body: string;
}

/** Which of the ways of saying the same is taken, by their names. */
export type Way = Readonly<Record<string, string>>;

/** A client that says the same request in many ways; the first of each is the one that most applications use. */
export interface Sender {
  readonly name: string;
  readonly ways: Readonly<Record<string, readonly string[]>>;
  /** @param traced options to trace with; undefined: without us. */
  readonly send: (asked: Asked, server: string, way: Way, traced: ClientOptions | undefined) => Promise<Answer>;
}

/** A table of ways. */
export type Ways<Make> = Readonly<Record<string, Make>>;

export function taken<Make>(ways: Ways<Make>, way: Way, of: string): Make {
  const make = ways[way[of] as string];
  if (make === undefined) throw new Error(`there is no way ${of}: ${way[of]}`);
  return make;
}

/** Makes one traced client for the same options, however often it is asked for. */
export function once<Client>(make: (options: ClientOptions) => Client): (options: ClientOptions) => Client {
  const made = new WeakMap<ClientOptions, Client>();
  return (options) => {
    let client = made.get(options);
    if (client === undefined) made.set(options, (client = make(options)));
    return client;
  };
}
