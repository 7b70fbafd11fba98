// Which vehicle is connected, to which process and since when; and the heartbeats of these processes. Presence changes in
// scripts/append-records.ts, together with the connectivity record.

import { runScript, type Store } from '../redis/index.js';
import { disconnectDead, SET_BACK_MS } from '../scripts/index.js';
import { connectivityPayload } from './connectivity.js';

/** How long a process of ingest counts as alive after its last heartbeat. */
export const PROCESS_LEASE_MS = 15_000;

/** In the reply of PTTL. */
const KEY_IS_MISSING = -2;

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

  /** Rejects unless the Redis of every partition answers: single nodes of a cluster can be unreachable. */
  async ping(): Promise<void> {
    await this.#store.eachPartition(({ presence }) => this.#store.redis.exists(presence));
  }

  /** Extends the lease of a process by `leaseMs` from now. Returns false when the lease had expired. */
  async renewProcess(processId: string, leaseMs: number): Promise<boolean> {
    const answers = await this.#store.eachPartition(({ process }) =>
      this.#store.redis.set(process(processId), '1', 'PX', leaseMs, 'GET'),
    );
    return answers.every((previous) => previous !== null);
  }

  /** Ends the lease of a process that has stopped. */
  async endProcess(processId: string): Promise<void> {
    await this.#store.eachPartition(({ process }) => this.#store.redis.del(process(processId)));
  }

  /**
   * Appends the disconnects that dead processes can no longer report, and removes their connections. Keeps a connection
   * that was replaced meanwhile, or when its process is alive again. Returns the removed connections.
   */
  async reportDead(partition: number, nowMs: number): Promise<Connection[]> {
    const connections = await this.connectedIn(partition);
    const { redis } = this.#store;
    const keys = this.#store.keys(partition);
    const isAlive = new Map<string, boolean>();
    for (const processId of new Set(connections.map(({ processId }) => processId))) {
      isAlive.set(processId, await this.#isAlive(keys.process(processId)));
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

  async #isAlive(key: string): Promise<boolean> {
    const { redis } = this.#store;
    const leftMs = await redis.pttl(key);
    // the clock of Redis was set back, and the heartbeat of a dead process would last for that time too
    if (leftMs > PROCESS_LEASE_MS + SET_BACK_MS) await redis.pexpire(key, PROCESS_LEASE_MS);
    return leftMs !== KEY_IS_MISSING;
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
