// The metrics of all workers as one page: the primary requests them, each worker answers with its own.
import type { Worker } from 'node:cluster';
import { MergedMetrics, type MetricsAsJson } from '../metrics/index.js';
import { withTimeout } from '../process/index.js';
import type { MessageToPrimary, MessageToWorker } from './worker-messages.js';

/** A worker that takes longer to answer is represented by its previous answer. */
const ANSWER_LIMIT_MS = 1_000;

export class WorkerMetrics {
  readonly #merged = new MergedMetrics();
  /** The last answer of each running worker. */
  readonly #last = new Map<Worker, MetricsAsJson>();
  readonly #waiting = new Map<number, (metrics: MetricsAsJson) => void>();
  #requests = 0;

  /** Includes a worker, from its fork until it exits. Its counters stay in the sums after that. */
  follow(worker: Worker): void {
    this.#last.set(worker, []);
    worker.on('message', (message: MessageToPrimary) => {
      if (message.type !== 'metrics') return;
      this.#last.set(worker, message.metrics);
      this.#waiting.get(message.request)?.(message.metrics);
    });
    worker.once('exit', () => {
      void this.#merged.retire(this.#last.get(worker) ?? []);
      this.#last.delete(worker);
    });
  }

  /** Requests the metrics of all workers and merges them with the primary's `own`. */
  async merge(own: MetricsAsJson): Promise<ReturnType<MergedMetrics['merge']>> {
    const running = await Promise.all([...this.#last].map(([worker, last]) => this.#request(worker, last)));
    return this.#merged.merge([...running, own]);
  }

  async #request(worker: Worker, last: MetricsAsJson): Promise<MetricsAsJson> {
    if (!worker.isConnected()) return last;
    const request = ++this.#requests;
    const answer = new Promise<MetricsAsJson>((resolve) => this.#waiting.set(request, resolve));
    const message: MessageToWorker = { type: 'metrics_requested', request };
    // An error here means that the worker is about to exit.
    worker.send(message, undefined, () => {});
    try {
      return await withTimeout(answer, ANSWER_LIMIT_MS, { onTimeout: () => last });
    } finally {
      this.#waiting.delete(request);
    }
  }
}
