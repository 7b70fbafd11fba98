// A listening port of the primary with connections that workers serve. The primary accepts a connection at once and does
// not read from it. The connection waits until a worker accepts it, and goes to another worker if the first one dies. So
// a restart of a worker refuses no client: a refused first connection crashes TeslaMate's process of the vehicle.
import { createServer, type Server, type Socket } from 'node:net';
import { type ListenOptions, listen } from '../network/index.js';

/** Clients time out earlier. */
const WAITING_LIMIT_MS = 60_000;
const MAX_WAITING = 10_000;

export interface ConnectionHandoffOptions extends ListenOptions {
  /** Sends a connection to a worker; false if no worker accepts connections now. */
  hand: (connection: PendingConnection) => boolean;
}

export interface PendingConnection {
  readonly socket: Socket;
  /** A worker has accepted it; this process closes its copy. */
  accepted(): void;
  /** The worker died before it accepted the connection. */
  giveBack(): void;
}

export class ConnectionHandoff {
  readonly #options: ConnectionHandoffOptions;
  readonly #server: Server;
  #waiting: { connection: PendingConnection; sinceMs: number }[] = [];
  #expiryTimer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: ConnectionHandoffOptions) {
    this.#options = options;
    this.#server = createServer({ pauseOnConnect: true, noDelay: true }, (socket) => this.#accept(socket));
  }

  /** Resolves to the port. Throws ListenError. */
  listen(): Promise<number> {
    return listen(this.#server, this.#options);
  }

  /** Connections that no worker has accepted yet. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Sends waiting connections to workers, oldest first, and closes those that have waited too long. */
  offer(): void {
    this.#handWaiting(performance.now() - WAITING_LIMIT_MS);
    this.#scheduleExpiry();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#expiryTimer);
    // The callback of close() would wait for the connections of the workers too.
    this.#server.close();
    for (const { connection } of this.#waiting) connection.socket.destroy();
    this.#waiting = [];
  }

  #accept(socket: Socket): void {
    socket.on('error', () => {});
    const sinceMs = performance.now();
    const connection: PendingConnection = {
      socket,
      accepted: () => void socket.destroy(),
      giveBack: () => {
        if (this.#isClosed) {
          socket.destroy();
          return;
        }
        this.#waiting.unshift({ connection, sinceMs });
        this.#scheduleExpiry();
      },
    };
    if (this.#waiting.length >= MAX_WAITING) this.#waiting.shift()?.connection.socket.destroy();
    this.#waiting.push({ connection, sinceMs });
    this.offer();
  }

  #handWaiting(expiredBeforeMs: number): void {
    while (this.#waiting.length > 0) {
      const { connection, sinceMs } = this.#waiting[0]!;
      if (sinceMs <= expiredBeforeMs) connection.socket.destroy();
      else if (!this.#options.hand(connection)) return;
      this.#waiting.shift();
    }
  }

  #scheduleExpiry(): void {
    clearTimeout(this.#expiryTimer);
    const oldest = this.#waiting[0];
    if (oldest === undefined) return;
    const leftMs = oldest.sinceMs + WAITING_LIMIT_MS - performance.now();
    this.#expiryTimer = setTimeout(() => this.offer(), Math.max(1, leftMs));
  }
}
