// A queue that serves its keys (addresses) in turn: many items of one key delay each other, not the items of other keys.
export interface FairQueueOptions {
  /** Serve the newest item of a key first: under a flood an item is then served soon or never. Default: the oldest. */
  isNewestFirst?: boolean;
}

export class FairQueue<T> {
  readonly #isNewestFirst: boolean;
  readonly #byKey = new Map<string, T[]>();
  #size = 0;

  constructor({ isNewestFirst = false }: FairQueueOptions = {}) {
    this.#isNewestFirst = isNewestFirst;
  }

  get size(): number {
    return this.#size;
  }

  add(key: string, item: T): void {
    const waiting = this.#byKey.get(key);
    if (waiting === undefined) this.#byKey.set(key, [item]);
    else waiting.push(item);
    this.#size++;
  }

  next(): T | undefined {
    for (const [key, waiting] of this.#byKey) {
      const item = (this.#isNewestFirst ? waiting.pop() : waiting.shift())!;
      // move the key behind all others
      this.#byKey.delete(key);
      if (waiting.length > 0) this.#byKey.set(key, waiting);
      this.#size--;
      return item;
    }
    return undefined;
  }

  remove(key: string, item: T): void {
    const waiting = this.#byKey.get(key);
    const at = waiting?.indexOf(item) ?? -1;
    if (waiting === undefined || at < 0) return;
    waiting.splice(at, 1);
    if (waiting.length === 0) this.#byKey.delete(key);
    this.#size--;
  }

  /** Removes and returns all items. */
  drain(): T[] {
    const all = [...this.#byKey.values()].flat();
    this.#byKey.clear();
    this.#size = 0;
    return all;
  }
}
