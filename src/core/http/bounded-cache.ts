// Enough for what an agent talks to, and little memory: a longer text is not worth it, and soon all is forgotten and learnt anew.
const KEPT = 2048;
const LONGEST = 512;

/** Remembers what was worked out for texts that come again and again, in bounded memory. The last one is found without being hashed. */
export class BoundedCache<Value> {
  readonly #values = new Map<string, Value>();
  #lastText: string | undefined;
  #lastValue: Value | undefined;

  get(text: string): Value | undefined {
    if (text === this.#lastText) return this.#lastValue;
    if (text.length > LONGEST) return undefined;
    const value = this.#values.get(text);
    if (value !== undefined) this.#keep(text, value);
    return value;
  }

  set(text: string, value: Value): void {
    this.#keep(text, value);
    if (text.length > LONGEST) return;
    if (this.#values.size === KEPT) this.#values.clear();
    this.#values.set(text, value);
  }

  #keep(text: string, value: Value): void {
    this.#lastText = text;
    this.#lastValue = value;
  }
}
