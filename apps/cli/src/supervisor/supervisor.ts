// Several children as one thing: started one after the other, each when the one before is ready; stopped in an order of
// its own, because what takes work in has to stop before what carries it on.
import { type ChildOutput, type ChildSpec, SupervisedChild } from './supervised-child.js';

export interface SupervisorOptions {
  /** Names in the order in which they stop; those that aren't named stop last, in reverse order of their start. */
  readonly stopOrder: readonly string[];
  /** What each child may take to stop. */
  readonly shutdownSeconds: number;
  readonly say: (line: string) => void;
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
   * Starts one more child and resolves when it is ready; from then on it is started again whenever it dies. Rejects with
   * `ChildStartError` when its first start fails; the others go on until `stop`.
   */
  async start(spec: ChildSpec): Promise<SupervisedChild> {
    if (this.#stopped !== undefined) throw new Error(`${spec.name} is not started: everything is being stopped`);
    const { shutdownSeconds, say, openOutput, backoffMs = standardBackoffMs } = this.#options;
    const output = openOutput(spec.name);
    const child = new SupervisedChild({ spec, output, shutdownSeconds, backoffMs, say });
    this.#children.push(child);
    await child.start();
    return child;
  }

  /** One after the other. Idempotent. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  /** All at once, synchronously: for the exit of this process, however it comes about. */
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
