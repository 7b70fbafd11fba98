// Waiting for something to become true that only calls of others change.

export class Condition {
  readonly #waiting = new Set<() => void>();

  /** Resolves at once, or with the first `look` that finds it true. */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (!condition()) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }

  /** Something has changed. */
  look(): void {
    for (const look of this.#waiting) look();
  }
}
