// Values by key with a bound on the number of keys, for state that clients create: limits per address or per VIN.

export interface BoundedMapOptions<V> {
  /** Beyond it the least recently used key is evicted. */
  maxKeys: number;
  create: () => V;
}

export class BoundedMap<V> {
  readonly #options: BoundedMapOptions<V>;
  readonly #values = new Map<string, V>();

  constructor(options: BoundedMapOptions<V>) {
    this.#options = options;
  }

  get size(): number {
    return this.#values.size;
  }

  /** Does not count as a use. */
  get(key: string): V | undefined {
    return this.#values.get(key);
  }

  /** The value of the key, created when absent. The key becomes the most recently used. */
  use(key: string): V {
    const value = this.#values.get(key) ?? this.#options.create();
    this.#values.delete(key);
    this.#values.set(key, value);
    if (this.#values.size > this.#options.maxKeys) this.#values.delete(this.#values.keys().next().value!);
    return value;
  }

  deleteIf(isUnused: (value: V, key: string) => boolean): void {
    for (const [key, value] of this.#values) {
      if (isUnused(value, key)) this.#values.delete(key);
    }
  }
}
