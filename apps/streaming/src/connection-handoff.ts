// A port that this process holds and others serve. A connection is accepted at once and not read; it waits until a
// worker takes it, and goes to another one when that worker dies first. So a worker's end refuses nobody: a first
// connection that fails takes TeslaMate's process of the vehicle down.
import { createServer, type Server, type Socket } from 'node:net';
import { explainListenError, type ListenFacts } from '@fleetbridge/service';

/** A client has given up by then. */
const WAITING_LIMIT_MS = 60_000;
const MAX_WAITING = 10_000;

export interface ConnectionHandoffOptions extends Omit<ListenFacts, 'host'> {
  host: string | undefined;
  /** Whoever wants to serve it; false: nobody can now. */
  hand: (connection: PendingConnection) => boolean;
}

export interface PendingConnection {
  readonly socket: Socket;
  /** A worker has it: this process lets go of it. */
  taken(): void;
  /** The worker that was to have it can't take it. */
  giveBack(): void;
}

export class ConnectionHandoff {
  readonly #options: ConnectionHandoffOptions;
  readonly #server: Server;
  #waiting: { connection: PendingConnection; sinceMs: number }[] = [];
  #isClosed = false;

  constructor(options: ConnectionHandoffOptions) {
    this.#options = options;
    this.#server = createServer({ pauseOnConnect: true, noDelay: true }, (socket) => this.#accept(socket));
  }

  /** Resolves to the port. Throws ListenError. */
  listen(): Promise<number> {
    const { host, port } = this.#options;
    return new Promise((resolve, reject) => {
      this.#server.once('error', (error) =>
        reject(explainListenError(error, { ...this.#options, host: host ?? 'all addresses' })),
      );
      this.#server.listen({ port, host }, () => resolve((this.#server.address() as { port: number }).port));
    });
  }

  /** Connections that nobody has yet. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Somebody may be able to take what waits. */
  offer(): void {
    const limitMs = performance.now() - WAITING_LIMIT_MS;
    while (this.#waiting.length > 0) {
      const { connection, sinceMs } = this.#waiting[0]!;
      if (sinceMs < limitMs) connection.socket.destroy();
      else if (!this.#options.hand(connection)) return;
      this.#waiting.shift();
    }
  }

  close(): void {
    this.#isClosed = true;
    // its callback would wait for the workers' connections as well
    this.#server.close();
    for (const { connection } of this.#waiting) connection.socket.destroy();
    this.#waiting = [];
  }

  #accept(socket: Socket): void {
    socket.on('error', () => {});
    const connection: PendingConnection = {
      socket,
      taken: () => void socket.destroy(),
      giveBack: () => {
        if (this.#isClosed) socket.destroy();
        else this.#waiting.unshift({ connection, sinceMs });
      },
    };
    const sinceMs = performance.now();
    if (this.#waiting.length >= MAX_WAITING) this.#waiting.shift()?.connection.socket.destroy();
    this.#waiting.push({ connection, sinceMs });
    this.offer();
  }
}
