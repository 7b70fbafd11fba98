// Where a streaming process can begin to read a vehicle's frames, so that it makes the same ones as the others: what was
// known of the vehicle at some entry. A few a vehicle, spread over the time within which a subscriber may come back.
// What a checkpoint holds is the streaming server's affair.

import { type PartitionKeys, partitionKeys, partitionOf, type RedisConnection, runScript } from '../redis/index.js';
import { defineScript } from '../scripts/index.js';

export interface Checkpoint {
  /** Everything up to and with this entry is in it. */
  entryId: string;
  text: string;
}

export interface CheckpointStoreOptions {
  redis: RedisConnection;
  namespace: string;
  partitions: number;
  /** How far back a reader may want to begin. */
  windowMs: number;
}

const A_WINDOW = 15;
const KEPT = 24;
const SLACK_MS = 600_000;

export class CheckpointStore {
  readonly #options: CheckpointStoreOptions;
  readonly #keys: PartitionKeys[];

  constructor(options: CheckpointStoreOptions) {
    this.#options = options;
    const { namespace, partitions } = options;
    this.#keys = Array.from({ length: partitions }, (_, partition) => partitionKeys(namespace, partition));
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
    const { redis, windowMs } = this.#options;
    const key = this.#keys[partitionOf(vin, this.#keys.length)]!.checkpointsPrefix + vin;
    const args = [`${entryId} ${text}`, spacingMs, KEPT, windowMs + SLACK_MS];
    return (await runScript(redis, addCheckpoint, [key], args)) as string[];
  }
}

function parseCheckpoint(stored: string): Checkpoint {
  const space = stored.indexOf(' ');
  return { entryId: stored.slice(0, space), text: stored.slice(space + 1) };
}

/**
 * KEYS[1] list of checkpoints, oldest first
 * ARGV[1] the new one, ARGV[2] least distance to the last (ms) or '' = only if there is none, ARGV[3] how many to keep,
 * ARGV[4] expiry (ms). Without a distance it replies with those that were there.
 */
const addCheckpoint = defineScript(
  'add-checkpoint',
  `
local last = redis.call('LINDEX', KEYS[1], -1)
local function ms(checkpoint) return tonumber(string.match(checkpoint, '^%d+')) end
local spacing = tonumber(ARGV[2])
if not last or (spacing and ms(ARGV[1]) - ms(last) >= spacing) then
  redis.call('RPUSH', KEYS[1], ARGV[1])
  redis.call('LTRIM', KEYS[1], -ARGV[3], -1)
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
  return {}
end
redis.call('PEXPIRE', KEYS[1], ARGV[4])
if spacing then return {} end
return redis.call('LRANGE', KEYS[1], 0, -1)
`,
);
