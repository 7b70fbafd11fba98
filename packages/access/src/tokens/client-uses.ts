// Records when a client that signs in was here last, so that `fleetbridge teslamate check` can show it. Of other principals
// nothing is recorded.
import type { ClientStore, ClientUse } from '@fleetbridge/store';
import { BoundedMap } from '../limits/index.js';

const RECORD_EVERY_MS = 10_000;
const MAX_PRINCIPALS = 1_000;

export class ClientUses {
  readonly #clients: Pick<ClientStore, 'seen' | 'list'>;
  readonly #now: () => number;
  readonly #recorded = new BoundedMap<{ atMs: number }>({ maxKeys: MAX_PRINCIPALS });
  #ids: Promise<ReadonlySet<string>> | undefined;
  #idsMs = 0;

  constructor({ clients, now }: { clients: Pick<ClientStore, 'seen' | 'list'>; now: () => number }) {
    this.#clients = clients;
    this.#now = now;
  }

  /** Not awaited by the request; a failure is of no consequence. */
  record(principal: string, use: ClientUse): void {
    const [, id] = /^token:(.+)$/.exec(principal) ?? [];
    if (id === undefined) return;
    const recorded = this.#recorded.use(`${principal} ${use}`, () => ({ atMs: Number.NEGATIVE_INFINITY }));
    const nowMs = this.#now();
    if (Math.abs(nowMs - recorded.atMs) < RECORD_EVERY_MS) return;
    recorded.atMs = nowMs;
    void this.#write(id, use, nowMs).catch(() => {});
  }

  async #write(id: string, use: ClientUse, nowMs: number): Promise<void> {
    if ((await this.#clientIds(nowMs)).has(id)) await this.#clients.seen(id, use, nowMs);
  }

  /** Tokens of `fleetbridge token create` have ids of the same form. */
  #clientIds(nowMs: number): Promise<ReadonlySet<string>> {
    if (this.#ids === undefined || Math.abs(nowMs - this.#idsMs) >= RECORD_EVERY_MS) {
      this.#idsMs = nowMs;
      this.#ids = this.#clients.list().then((clients) => new Set(clients.map(({ id }) => id)));
    }
    return this.#ids;
  }
}
