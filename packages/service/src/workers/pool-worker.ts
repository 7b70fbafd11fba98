// One forked worker as the primary sees it: its state, and the connections sent to it but not yet accepted.
import type { Worker } from 'node:cluster';
import type { ReadinessReport } from '../process/index.js';
import type { PendingConnection } from './connection-handoff.js';
import type { MessageToPrimary, MessageToWorker } from './worker-messages.js';

export interface WorkerExit {
  code: number;
  signal: string | null;
}

export class PoolWorker {
  readonly startedMs = performance.now();
  isReady = false;
  /** Accepts connections from a hand-off. */
  isAccepting = false;
  /** When the last message arrived. */
  lastReceivedMs = performance.now();
  ports: Record<string, number> = {};
  report: ReadinessReport | undefined;
  readonly #worker: Worker;
  readonly #inFlight = new Map<number, PendingConnection>();
  #lastId = 0;
  #isStopping = false;

  constructor(
    worker: Worker,
    { onMessage, onExit }: { onMessage: (message: MessageToPrimary) => void; onExit: (exit: WorkerExit) => void },
  ) {
    this.#worker = worker;
    worker.on('message', (message: MessageToPrimary) => {
      this.#receive(message);
      onMessage(message);
    });
    // Also emitted for a signal or message that could not be delivered; only 'exit' means the end.
    worker.on('error', () => {});
    worker.once('exit', (code, signal) => {
      this.#giveBackInFlight();
      onExit({ code, signal });
    });
  }

  get pid(): number | undefined {
    return this.#worker.process.pid;
  }

  /** Connections sent to the worker that it has not accepted yet. */
  get inFlight(): number {
    return this.#inFlight.size;
  }

  send(port: string, connection: PendingConnection): void {
    const id = ++this.#lastId;
    this.#inFlight.set(id, connection);
    const message: MessageToWorker = { type: 'connection', port, id };
    // An error here means that the worker is about to exit, and then gives the connection back.
    this.#worker.send(message, connection.socket, { keepOpen: true }, () => {});
  }

  /** Sends SIGTERM, once: a second signal would end a worker that still drains its connections. */
  terminate(): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#worker.process.kill('SIGTERM');
  }

  /** Sends SIGKILL. */
  kill(): void {
    this.#worker.process.kill('SIGKILL');
  }

  #receive(message: MessageToPrimary): void {
    this.lastReceivedMs = performance.now();
    switch (message.type) {
      case 'ready':
        this.isReady = true;
        this.ports = message.ports ?? {};
        break;
      case 'accepting':
        this.isAccepting = true;
        break;
      case 'accepted':
        this.#inFlight.get(message.id)?.accepted();
        this.#inFlight.delete(message.id);
        break;
      case 'readiness':
        this.report = message.report;
        break;
    }
  }

  #giveBackInFlight(): void {
    // In reverse: each goes to the front of the queue.
    for (const connection of [...this.#inFlight.values()].reverse()) connection.giveBack();
    this.#inFlight.clear();
  }
}
