// A group of child processes. Each one starts when the previous one is ready. They stop in a given order, because a child
// that accepts work must stop before the children that process it.
import { type ChildOutput, type ChildSpec, SupervisedChild } from './supervised-child.js';

export interface SupervisorOptions {
  /** Names in stop order; children not listed stop last, in reverse start order. */
  readonly stopOrder: readonly string[];
  /** The time limit per child. */
  readonly shutdownSeconds: number;
  readonly print: (line: string) => void;
  readonly openOutput: (name: string) => ChildOutput;
  readonly backoffMs?: (failures: number) => number;
}

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #children: SupervisedChild[] = [];
  #stopped: Promise<void> | undefined;

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  /**
   * Starts a child and resolves when it is ready. From then on it is restarted whenever it exits. Rejects with
   * `ChildStartError` when its first start fails; the other children keep running until `stop`.
   */
  async start(spec: ChildSpec): Promise<SupervisedChild> {
    if (this.#stopped !== undefined) throw new Error(`can't start ${spec.name}: the supervisor is stopping`);
    const { shutdownSeconds, print, openOutput, backoffMs = standardBackoffMs } = this.#options;
    const output = openOutput(spec.name);
    const child = new SupervisedChild({ spec, output, shutdownSeconds, backoffMs, print });
    this.#children.push(child);
    await child.start();
    return child;
  }

  /** Stops one child after another. Idempotent. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  /** Kills all children synchronously, for the exit of this process. */
  kill(): void {
    for (const child of this.#children) child.kill();
  }

  async #stop(): Promise<void> {
    const { stopOrder } = this.#options;
    const place = (name: string) => (stopOrder.includes(name) ? stopOrder.indexOf(name) : stopOrder.length);
    const ordered = this.#children.toReversed().toSorted((a, b) => place(a.name) - place(b.name));
    for (const child of ordered) await child.stop();
  }
}

/** 0.5, 1, 2, 4, 8, 10, 10 … seconds. */
export function standardBackoffMs(failures: number): number {
  return Math.min(500 * 2 ** failures, 10_000);
}
