// Checkpoints: the state of a vehicle at an entry, from which every streaming process builds the same frames. There are a
// few per vehicle, spread over the time within which a subscriber may resume. Their content is defined by the streaming
// server.

import { runScript, type Store } from '../redis/index.js';
import { addCheckpoint } from '../scripts/index.js';

export interface Checkpoint {
  /** The checkpoint includes everything up to and including this entry. */
  entryId: string;
  text: string;
}

export interface CheckpointStoreOptions {
  store: Store;
  /** How far back a reader may begin. */
  windowMs: number;
}

const PER_WINDOW = 15;
const KEPT = 24;
const SLACK_MS = 600_000;

export class CheckpointStore {
  readonly #options: CheckpointStoreOptions;

  constructor(options: CheckpointStoreOptions) {
    this.#options = options;
  }

  /** The minimum distance between checkpoints; a closer one is not stored. */
  get spacingMs(): number {
    return this.#options.windowMs / PER_WINDOW;
  }

  /** Stores the first checkpoint and returns an empty list, or returns the existing ones, oldest first. */
  async begin(vin: string, first: Checkpoint): Promise<Checkpoint[]> {
    return (await this.#add(vin, first, '')).map(parseCheckpoint);
  }

  /** Stores a checkpoint, unless it is closer than `spacingMs` to the last one. */
  async add(vin: string, checkpoint: Checkpoint): Promise<void> {
    await this.#add(vin, checkpoint, Math.floor(this.spacingMs));
  }

  async #add(vin: string, { entryId, text }: Checkpoint, spacingMs: number | ''): Promise<string[]> {
    const { store, windowMs } = this.#options;
    const key = store.keysOf(vin).checkpointsPrefix + vin;
    const args = [`${entryId} ${text}`, spacingMs, KEPT, windowMs + SLACK_MS];
    return (await runScript(store.redis, addCheckpoint, [key], args)) as string[];
  }
}

function parseCheckpoint(stored: string): Checkpoint {
  const space = stored.indexOf(' ');
  return { entryId: stored.slice(0, space), text: stored.slice(space + 1) };
}
