// Replaces a process of node:cluster: a test decides when it is ready, what it sends and when it dies.
import type { Worker } from 'node:cluster';
import { EventEmitter } from 'node:events';
import type { MessageToPrimary, MessageToWorker } from '../src/workers/worker-messages.js';

let pids = 0;

export class FakeWorker extends EventEmitter {
  readonly sent: MessageToWorker[] = [];
  readonly signals: NodeJS.Signals[] = [];
  isDead = false;
  /** Whether SIGTERM ends it. */
  ignoresSigterm = false;
  readonly process = {
    pid: ++pids,
    kill: (signal: NodeJS.Signals) => {
      this.signals.push(signal);
      if (signal === 'SIGKILL' || !this.ignoresSigterm) setImmediate(() => this.die({ signal }));
    },
  };

  isConnected(): boolean {
    return !this.isDead;
  }

  send(message: MessageToWorker): boolean {
    this.sent.push(message);
    return true;
  }

  receive(...messages: MessageToPrimary[]): void {
    for (const message of messages) this.emit('message', message);
  }

  serve(): void {
    this.receive({ type: 'accepting' }, { type: 'ready', ports: { vehicles: 4443 } });
  }

  die({ code = 0, signal = null }: { code?: number; signal?: NodeJS.Signals | null } = {}): void {
    if (this.isDead) return;
    this.isDead = true;
    this.emit('exit', code, signal);
  }
}

/** `workers`: in the order of their starts, the dead included. */
export function createFakeFork() {
  const workers: FakeWorker[] = [];
  const fork = () => {
    const worker = new FakeWorker();
    workers.push(worker);
    return worker as unknown as Worker;
  };
  return { workers, fork, alive: () => workers.filter(({ isDead }) => !isDead) };
}
