// Values by key with a bound on the number of keys, for state that clients create: limits per address or per VIN.

export interface BoundedMapOptions {
  /** Beyond it the least recently used key is evicted. */
  maxKeys: number;
}

export class BoundedMap<V> {
  readonly #maxKeys: number;
  readonly #values = new Map<string, V>();

  constructor({ maxKeys }: BoundedMapOptions) {
    this.#maxKeys = maxKeys;
  }

  get size(): number {
    return this.#values.size;
  }

  /** Does not count as a use. */
  get(key: string): V | undefined {
    return this.#values.get(key);
  }

  /** The key becomes the most recently used. */
  set(key: string, value: V): void {
    // a Map iterates in the order of insertion
    this.#values.delete(key);
    this.#values.set(key, value);
    if (this.#values.size > this.#maxKeys) this.#values.delete(this.#values.keys().next().value!);
  }

  /** The value of the key, created when absent. The key becomes the most recently used. */
  use(key: string, create: () => V): V {
    const value = this.#values.get(key) ?? create();
    this.set(key, value);
    return value;
  }

  delete(key: string): void {
    this.#values.delete(key);
  }

  deleteIf(isUnused: (value: V, key: string) => boolean): void {
    for (const [key, value] of this.#values) {
      if (isUnused(value, key)) this.#values.delete(key);
    }
  }
}
