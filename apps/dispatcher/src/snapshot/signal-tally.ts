// Counts signals by day and VIN between two commits. The day is that of the entry id, in UTC: ids never go back, whatever
// the clock of a vehicle is. No objects are made per record.
import { entryMs } from '@fleetbridge/protocol';
import { type SignalCounts, utcDay } from '@fleetbridge/store';

const DAY_MS = 86_400_000;

export class SignalTally {
  readonly #days = new Map<string, Map<string, number>>();
  /** The day of the last entry. */
  #current: Map<string, number> | undefined;
  #startMs = 0;

  get counts(): SignalCounts {
    return this.#days;
  }

  add(vin: string, entryId: string, signals: number): void {
    if (signals === 0) return;
    const ms = entryMs(entryId);
    if (this.#current === undefined || ms < this.#startMs || ms >= this.#startMs + DAY_MS) {
      this.#startMs = ms - (ms % DAY_MS);
      this.#current = this.#day(utcDay(ms));
    }
    this.#current.set(vin, (this.#current.get(vin) ?? 0) + signals);
  }

  addAll(other: SignalTally): void {
    for (const [day, vins] of other.#days) {
      const own = this.#day(day);
      for (const [vin, signals] of vins) own.set(vin, (own.get(vin) ?? 0) + signals);
    }
  }

  #day(day: string): Map<string, number> {
    let vins = this.#days.get(day);
    if (vins === undefined) {
      vins = new Map();
      this.#days.set(day, vins);
    }
    return vins;
  }
}
