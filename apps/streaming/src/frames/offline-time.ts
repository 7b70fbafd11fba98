// For how long a vehicle has been subscribed to while it was offline, since it was online last. TeslaMate can close its
// connection right after the answer and open the next one 30 s later, so a pause counts too, up to that.
const LONGEST_PAUSE_MS = 30_000;

export class OfflineTime {
  readonly #now: () => number;
  #spentMs = 0;
  /** Start of the current subscription. */
  #sinceMs: number | undefined;
  /** End of the last one. */
  #pausedMs: number | undefined;

  constructor(now: () => number) {
    this.#now = now;
  }

  get ms(): number {
    return this.#spentMs + (this.#sinceMs === undefined ? 0 : this.#now() - this.#sinceMs);
  }

  update({ isOnline, isSubscribed }: { isOnline: boolean; isSubscribed: boolean }): void {
    if (isOnline) {
      this.#spentMs = 0;
      this.#sinceMs = undefined;
      this.#pausedMs = undefined;
    } else if (isSubscribed && this.#sinceMs === undefined) {
      this.#sinceMs = this.#now();
      if (this.#pausedMs !== undefined) this.#spentMs += Math.min(this.#sinceMs - this.#pausedMs, LONGEST_PAUSE_MS);
    } else if (!isSubscribed && this.#sinceMs !== undefined) {
      this.#pausedMs = this.#now();
      this.#spentMs += this.#pausedMs - this.#sinceMs;
      this.#sinceMs = undefined;
    }
  }
}
