// Which vehicle is connected, where, since when; and the life signs of the processes that hold the connections.
// Presence itself changes in scripts/append-records.ts, together with the connectivity record.

import { type PartitionKeys, partitionKeys, partitionOf, type RedisConnection, runScript } from '../redis/index.js';
import { defineScript } from '../scripts/index.js';
import { connectivityPayload } from './connectivity.js';

/** How long a process of ingest counts as alive after its last sign of life. */
export const PROCESS_LEASE_MS = 15_000;

export interface Connection {
  vin: string;
  connectionId: string;
  processId: string;
  sinceMs: number;
  networkInterface: string;
}

export interface PresenceOptions {
  redis: RedisConnection;
  namespace: string;
  partitions: number;
}

export class Presence {
  readonly #redis: RedisConnection;
  readonly #keys: PartitionKeys[];

  constructor({ redis, namespace, partitions }: PresenceOptions) {
    this.#redis = redis;
    this.#keys = Array.from({ length: partitions }, (_, partition) => partitionKeys(namespace, partition));
  }

  async of(vin: string): Promise<Connection | undefined> {
    const value = await this.#redis.hget(this.#keys[partitionOf(vin, this.#keys.length)]!.presence, vin);
    return value === null ? undefined : parseConnection(vin, value);
  }

  async all(): Promise<Connection[]> {
    const lists = await Promise.all(this.#keys.map((_, partition) => this.connectedIn(partition)));
    return lists.flat();
  }

  /** Rejects unless the Redis of every partition answers: the nodes of a cluster are away one at a time. */
  async ping(): Promise<void> {
    await Promise.all(this.#keys.map(({ presence }) => this.#redis.exists(presence)));
  }

  /** Says that this process lives for another `leaseMs`. Returns false when its lease had run out meanwhile. */
  async renewProcess(processId: string, leaseMs: number): Promise<boolean> {
    const answers = await Promise.all(
      this.#keys.map(({ process }) => this.#redis.set(process(processId), '1', 'PX', leaseMs, 'GET')),
    );
    return answers.every((previous) => previous !== null);
  }

  /** After an orderly end there is nothing to wait for. */
  async endProcess(processId: string): Promise<void> {
    await Promise.all(this.#keys.map(({ process }) => this.#redis.del(process(processId))));
  }

  /**
   * Appends the disconnects that dead processes can no longer report, and forgets their connections. A connection that
   * has been replaced meanwhile, or whose process came back to life, stays. Returns what was reported.
   */
  async reportDead(partition: number, nowMs: number): Promise<Connection[]> {
    const connections = await this.connectedIn(partition);
    const keys = this.#keys[partition]!;
    const isAlive = new Map<string, boolean>();
    for (const processId of new Set(connections.map(({ processId }) => processId))) {
      isAlive.set(processId, (await this.#redis.exists(keys.process(processId))) === 1);
    }
    const reported: Connection[] = [];
    for (const connection of connections) {
      if (isAlive.get(connection.processId)) continue;
      const { vin, connectionId, processId, networkInterface } = connection;
      const payload = connectivityPayload({ vin, connectionId, isConnected: false, atMs: nowMs, networkInterface });
      const args = [vin, connectionId, processId, nowMs, payload];
      const done = await runScript(
        this.#redis,
        disconnectDead,
        [keys.records, keys.presence, keys.process(processId)],
        args,
      );
      if (done === 1) reported.push(connection);
    }
    return reported;
  }

  async connectedIn(partition: number): Promise<Connection[]> {
    const all = await this.#redis.hgetall(this.#keys[partition]!.presence);
    return Object.entries(all).map(([vin, value]) => parseConnection(vin, value));
  }
}

/** As scripts/append-records.ts writes it. */
function parseConnection(vin: string, value: string): Connection {
  const [connectionId = '', processId = '', sinceMs = '0', ...networkInterface] = value.split(' ');
  return { vin, connectionId, processId, sinceMs: Number(sinceMs), networkInterface: networkInterface.join(' ') };
}

/**
 * KEYS[1] stream records   KEYS[2] hash presence   KEYS[3] string: the process lives
 * ARGV: VIN, connection id, process id, now in ms, payload of the record
 */
const disconnectDead = defineScript(
  'disconnect-dead',
  `
if redis.call('EXISTS', KEYS[3]) == 1 then return 0 end
local value = redis.call('HGET', KEYS[2], ARGV[1])
local prefix = ARGV[2] .. ' ' .. ARGV[3] .. ' '
if not value or string.sub(value, 1, #prefix) ~= prefix then return 0 end
redis.call('XADD', KEYS[1], '*', 'vin', ARGV[1], 'topic', 'connectivity', 'txid', ARGV[2], 'created', ARGV[4],
  'received', ARGV[4], 'version', '', 'payload', ARGV[5])
redis.call('HDEL', KEYS[2], ARGV[1])
return 1
`,
);
