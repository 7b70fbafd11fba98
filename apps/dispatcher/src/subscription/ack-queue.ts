// Ids of delivered entries that Redis does not know yet. Acknowledges those of one event loop turn in one call.

const MAX_IDS_PER_CALL = 500;

export class AckQueue {
  readonly #acknowledge: (ids: readonly string[]) => Promise<unknown>;
  #ids: string[] = [];
  #isFlushing = false;

  /** `acknowledge` must not reject. One call is in flight at a time. */
  constructor(acknowledge: (ids: readonly string[]) => Promise<unknown>) {
    this.#acknowledge = acknowledge;
  }

  add(id: string): void {
    this.#ids.push(id);
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    setImmediate(() => void this.#flush());
  }

  /** Whether Redis has answered for all ids. */
  get isEmpty(): boolean {
    return this.#ids.length === 0 && !this.#isFlushing;
  }

  async #flush(): Promise<void> {
    while (this.#ids.length > 0) await this.#acknowledge(this.#ids.splice(0, MAX_IDS_PER_CALL));
    this.#isFlushing = false;
  }
}
