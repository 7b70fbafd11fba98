// When a vehicle's checkpoint is written: often enough that a process that starts reads only a short part of the log.

import { BEGINNING, isAfter } from '@fleetbridge/protocol';
import type { Logger } from '@fleetbridge/service';
import type { CheckpointStore } from '@fleetbridge/store';
import type { VehicleFeed } from './vehicle-feed.js';

export interface CheckpointScheduleOptions {
  checkpoints: CheckpointStore;
  /** Milliseconds of a clock that can't be set. */
  monotonicNow: () => number;
  log: Logger;
}

/** Interval for a vehicle without new frames, so that a process that starts need not read further back. */
const IDLE_EVERY_MS = 300_000;

export class CheckpointSchedule {
  readonly #options: CheckpointScheduleOptions;
  readonly #last = new Map<string, { atMs: number; frame: string | undefined }>();

  constructor(options: CheckpointScheduleOptions) {
    this.#options = options;
  }

  writeIfDue(vin: string, feed: VehicleFeed): void {
    const { checkpoints, monotonicNow, log } = this.#options;
    if (feed.isUnknown) return;
    const frame = feed.present?.entryId;
    const last = this.#last.get(vin);
    const ageMs = last === undefined ? Number.POSITIVE_INFINITY : monotonicNow() - last.atMs;
    if (ageMs < (frame === last?.frame ? IDLE_EVERY_MS : checkpoints.spacingMs)) return;
    const checkpoint = feed.checkpoint();
    if (!checkpoint || !isAfter(checkpoint.entryId, BEGINNING)) return;
    this.#last.set(vin, { atMs: monotonicNow(), frame });
    checkpoints.add(vin, checkpoint).catch((err) => log.debug({ err, vin }, 'checkpoint_write_failed'));
  }

  /** The vehicle is no longer followed. */
  remove(vin: string): void {
    this.#last.delete(vin);
  }
}
