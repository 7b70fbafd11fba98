// Waits until a condition holds. `check` must be called after each change of its inputs.

export class Condition {
  readonly #waiting = new Set<() => void>();

  /** Resolves at once, or with the first `check` that finds the condition true. */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (!condition()) return;
        this.#waiting.delete(check);
        resolve();
      };
      this.#waiting.add(check);
      check();
    });
  }

  /** To be called after each change. */
  check(): void {
    for (const check of this.#waiting) check();
  }
}
