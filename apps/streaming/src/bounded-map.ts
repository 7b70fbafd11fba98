// A map of a bounded size that evicts the entry that was used least recently.
export class BoundedMap<K, V> {
  readonly #maxSize: number;
  readonly #entries = new Map<K, V>();

  constructor(maxSize: number) {
    this.#maxSize = maxSize;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: K): V | undefined {
    const value = this.#entries.get(key);
    if (value !== undefined) this.#insert(key, value);
    return value;
  }

  set(key: K, value: V): void {
    this.#insert(key, value);
    // a Map iterates in the order of insertion
    if (this.#entries.size > this.#maxSize) this.#entries.delete(this.#entries.keys().next().value!);
  }

  #insert(key: K, value: V): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
  }
}
