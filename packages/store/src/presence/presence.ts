// Which vehicle is connected, where, since when; and the life signs of the processes that hold the connections.
// Presence itself changes in scripts/append-records.ts, together with the connectivity record.

import { runScript, type Store } from '../redis/index.js';
import { disconnectDead } from '../scripts/index.js';
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

export class Presence {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  async of(vin: string): Promise<Connection | undefined> {
    const value = await this.#store.redis.hget(this.#store.keysOf(vin).presence, vin);
    return value === null ? undefined : parseConnection(vin, value);
  }

  async all(): Promise<Connection[]> {
    const lists = await this.#store.eachPartition(({ partition }) => this.connectedIn(partition));
    return lists.flat();
  }

  /** Rejects unless the Redis of every partition answers: the nodes of a cluster are away one at a time. */
  async ping(): Promise<void> {
    await this.#store.eachPartition(({ presence }) => this.#store.redis.exists(presence));
  }

  /** Says that this process lives for another `leaseMs`. Returns false when its lease had run out meanwhile. */
  async renewProcess(processId: string, leaseMs: number): Promise<boolean> {
    const answers = await this.#store.eachPartition(({ process }) =>
      this.#store.redis.set(process(processId), '1', 'PX', leaseMs, 'GET'),
    );
    return answers.every((previous) => previous !== null);
  }

  /** After an orderly end there is nothing to wait for. */
  async endProcess(processId: string): Promise<void> {
    await this.#store.eachPartition(({ process }) => this.#store.redis.del(process(processId)));
  }

  /**
   * Appends the disconnects that dead processes can no longer report, and forgets their connections. A connection that
   * has been replaced meanwhile, or whose process came back to life, stays. Returns what was reported.
   */
  async reportDead(partition: number, nowMs: number): Promise<Connection[]> {
    const connections = await this.connectedIn(partition);
    const { redis } = this.#store;
    const keys = this.#store.keys(partition);
    const isAlive = new Map<string, boolean>();
    for (const processId of new Set(connections.map(({ processId }) => processId))) {
      isAlive.set(processId, (await redis.exists(keys.process(processId))) === 1);
    }
    const reported: Connection[] = [];
    for (const connection of connections) {
      if (isAlive.get(connection.processId)) continue;
      const { vin, connectionId, processId, networkInterface } = connection;
      const payload = connectivityPayload({ vin, connectionId, isConnected: false, atMs: nowMs, networkInterface });
      const args = [vin, connectionId, processId, nowMs, payload];
      const done = await runScript(redis, disconnectDead, [keys.records, keys.presence, keys.process(processId)], args);
      if (done === 1) reported.push(connection);
    }
    return reported;
  }

  async connectedIn(partition: number): Promise<Connection[]> {
    const all = await this.#store.redis.hgetall(this.#store.keys(partition).presence);
    return Object.entries(all).map(([vin, value]) => parseConnection(vin, value));
  }
}

/** As scripts/append-records.ts writes it. */
function parseConnection(vin: string, value: string): Connection {
  const [connectionId = '', processId = '', sinceMs = '0', ...networkInterface] = value.split(' ');
  return { vin, connectionId, processId, sinceMs: Number(sinceMs), networkInterface: networkInterface.join(' ') };
}
