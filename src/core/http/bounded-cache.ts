const MAX_ENTRIES = 2048;
const MAX_CHARACTERS = 1 << 20;
const MAX_KEY_LENGTH = 16_384;

/** A map with string keys and bounded memory: it is emptied when its keys exceed a number of entries or of characters. */
export class BoundedCache<Value> {
  readonly #values = new Map<string, Value>();
  #characters = 0;

  get(key: string): Value | undefined {
    return this.#values.get(key);
  }

  /** Stores a value; a key of more than 16,384 characters is not stored. */
  set(key: string, value: Value): void {
    if (key.length > MAX_KEY_LENGTH) return;
    if (!this.#values.has(key)) {
      if (this.#values.size === MAX_ENTRIES || this.#characters + key.length > MAX_CHARACTERS) {
        this.#values.clear();
        this.#characters = 0;
      }
      this.#characters += key.length;
    }
    this.#values.set(key, value);
  }
}
