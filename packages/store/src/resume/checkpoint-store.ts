// Where a streaming process can begin to read a vehicle's frames, so that it makes the same ones as the others: what was
// known of the vehicle at some entry. A few a vehicle, spread over the time within which a subscriber may come back.
// What a checkpoint holds is the streaming server's affair.

import { runScript, type Store } from '../redis/index.js';
import { addCheckpoint } from '../scripts/index.js';

export interface Checkpoint {
  /** Everything up to and with this entry is in it. */
  entryId: string;
  text: string;
}

export interface CheckpointStoreOptions {
  store: Store;
  /** How far back a reader may want to begin. */
  windowMs: number;
}

const A_WINDOW = 15;
const KEPT = 24;
const SLACK_MS = 600_000;

export class CheckpointStore {
  readonly #options: CheckpointStoreOptions;

  constructor(options: CheckpointStoreOptions) {
    this.#options = options;
  }

  /** At least so far apart; a closer one is not stored. */
  get spacingMs(): number {
    return this.#options.windowMs / A_WINDOW;
  }

  /** Stores a first one and returns nothing, or returns those that there are, oldest first. */
  async begin(vin: string, first: Checkpoint): Promise<Checkpoint[]> {
    return (await this.#add(vin, first, '')).map(parseCheckpoint);
  }

  /** Stores another one. */
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
