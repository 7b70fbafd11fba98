// Everybody who is being told things right now, through whichever door. A grant is looked at again every two seconds:
// whoever's token has been revoked is ended, in the way that its kind of client bears.

import type { Access, ClientAccess } from '@fleetbridge/access';
import type { Logger } from '@fleetbridge/service';

const LOOK_EVERY_MS = 2_000;

export interface LiveClient {
  /** Which kind of client: owner (TeslaMate), raw, events, grpc. */
  door: string;
  access: Pick<ClientAccess, 'granted' | 'address'>;
  /** Resolves when it has gone. */
  end(reason: string): Promise<void> | void;
}

export interface LiveClientsOptions {
  access: Pick<Access, 'revocationCheck'>;
  log: Pick<Logger, 'info'>;
  lookEveryMs?: number;
}

export class LiveClients {
  readonly #options: LiveClientsOptions;
  readonly #clients = new Set<LiveClient>();
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(options: LiveClientsOptions) {
    this.#options = options;
  }

  start(): void {
    const { lookEveryMs = LOOK_EVERY_MS } = this.#options;
    this.#timer = setTimeout(() => {
      void this.#endRevoked().finally(() => {
        if (!this.#isStopped) this.start();
      });
    }, lookEveryMs).unref();
  }

  /** Returns how to take it off the list. */
  add(client: LiveClient): () => void {
    this.#clients.add(client);
    return () => void this.#clients.delete(client);
  }

  /** How many, by door. */
  count(): Record<string, number> {
    const count: Record<string, number> = {};
    for (const { door } of this.#clients) count[door] = (count[door] ?? 0) + 1;
    return count;
  }

  async stop(reason: string): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await Promise.all([...this.#clients].map((client) => client.end(reason)));
  }

  async #endRevoked(): Promise<void> {
    const mayBeRevoked = [...this.#clients].filter(({ access: { granted } }) =>
      /^(token|tesla):/.test(granted?.principal ?? ''),
    );
    if (mayBeRevoked.length === 0) return;
    const isStillGood = await this.#options.access.revocationCheck();
    if (isStillGood === undefined) return;
    for (const client of mayBeRevoked) {
      const { granted, address } = client.access;
      if (granted === undefined || isStillGood(granted)) continue;
      this.#options.log.info({ principal: granted.principal, address }, 'token_revoked');
      client.access.granted = undefined;
      void client.end('token_revoked');
    }
  }
}
