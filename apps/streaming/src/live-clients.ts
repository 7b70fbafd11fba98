// All clients that are receiving data, on every port. Their grants are checked every two seconds: a client whose token
// was revoked is ended in the way that its protocol has for it.
import type { Access, ClientAccess } from '@fleetbridge/access';
import type { Logger } from '@fleetbridge/service';

const CHECK_EVERY_MS = 2_000;

export interface LiveClient {
  /** owner (TeslaMate), raw, events or grpc. */
  kind: string;
  access: Pick<ClientAccess, 'granted' | 'address'>;
  /** Resolves when the client is disconnected. */
  end(reason: string): Promise<void> | void;
}

export interface LiveClientsOptions {
  access: Pick<Access, 'revocationCheck'>;
  log: Pick<Logger, 'info' | 'error'>;
  checkEveryMs?: number;
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
    const { checkEveryMs = CHECK_EVERY_MS, log } = this.#options;
    this.#timer = setTimeout(() => {
      this.#endRevoked()
        .catch((err) => log.error({ err }, 'grant_check_failed'))
        .finally(() => {
          if (!this.#isStopped) this.start();
        });
    }, checkEveryMs).unref();
  }

  /** Returns how to remove the client. */
  add(client: LiveClient): () => void {
    this.#clients.add(client);
    return () => void this.#clients.delete(client);
  }

  /** Number of clients by kind. */
  count(): Record<string, number> {
    const count: Record<string, number> = {};
    for (const { kind } of this.#clients) count[kind] = (count[kind] ?? 0) + 1;
    return count;
  }

  async stop(reason: string): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.endAll(reason);
  }

  /** New clients are accepted meanwhile. */
  async endAll(reason: string): Promise<void> {
    await Promise.all([...this.#clients].map((client) => this.#end(client, reason)));
  }

  async #endRevoked(): Promise<void> {
    const mayBeRevoked = [...this.#clients].filter(({ access: { granted } }) =>
      /^(token|tesla):/.test(granted?.principal ?? ''),
    );
    if (mayBeRevoked.length === 0) return;
    const isValid = await this.#options.access.revocationCheck();
    if (isValid === undefined) return;
    for (const client of mayBeRevoked) {
      const { granted, address } = client.access;
      if (granted === undefined || isValid(granted)) continue;
      this.#options.log.info({ principal: granted.principal, address }, 'token_revoked');
      client.access.granted = undefined;
      void this.#end(client, 'token_revoked');
    }
  }

  /** Never rejects: a client that can't be ended must not keep the others. */
  async #end(client: LiveClient, reason: string): Promise<void> {
    try {
      await client.end(reason);
    } catch (err) {
      this.#options.log.error({ err, kind: client.kind, reason }, 'client_end_failed');
    }
  }
}
