// The metrics of all workers of a node:cluster as one page: the primary asks, each worker answers with its own.
import type { Worker } from 'node:cluster';
import type { Registry } from 'prom-client';
import { MergedMetrics, type MetricsAsJson } from '../metrics/index.js';
import { withTimeout } from '../process/index.js';
import { sendToPrimary } from './primary-channel.js';

/** What a worker may take to answer; then its last answer is used. */
const ANSWER_LIMIT_MS = 1_000;

interface MetricsWanted {
  type: 'metrics_wanted';
  request: number;
}

interface MetricsAnswer {
  type: 'metrics';
  request: number;
  metrics: MetricsAsJson;
}

/** The primary's side. */
export class WorkerMetrics {
  readonly #merged = new MergedMetrics();
  /** What each living worker answered last. */
  readonly #last = new Map<Worker, MetricsAsJson>();
  readonly #waiting = new Map<number, (metrics: MetricsAsJson) => void>();
  #requests = 0;

  /** From its fork until its end, after which what it had counted stays in the sums. */
  follow(worker: Worker): void {
    this.#last.set(worker, []);
    worker.on('message', (message: { type?: unknown }) => {
      if (message.type !== 'metrics') return;
      const { request, metrics } = message as MetricsAnswer;
      this.#last.set(worker, metrics);
      this.#waiting.get(request)?.(metrics);
    });
    worker.once('exit', () => {
      void this.#merged.retire(this.#last.get(worker) ?? []);
      this.#last.delete(worker);
    });
  }

  /** Prometheus' text of all workers together, and of `own`. */
  async text(own: MetricsAsJson): Promise<string> {
    const living = await Promise.all([...this.#last].map(([worker, last]) => this.#ask(worker, last)));
    return this.#merged.text([...living, own]);
  }

  #ask(worker: Worker, last: MetricsAsJson): Promise<MetricsAsJson> {
    if (!worker.isConnected()) return Promise.resolve(last);
    const request = ++this.#requests;
    const answer = new Promise<MetricsAsJson>((resolve) => this.#waiting.set(request, resolve));
    const wanted: MetricsWanted = { type: 'metrics_wanted', request };
    // an error here is a worker that dies
    worker.send(wanted, undefined, () => {});
    return withTimeout(answer, ANSWER_LIMIT_MS, { onTimeout: () => last }).finally(() => this.#waiting.delete(request));
  }
}

/** A worker's side: answers until the returned function is called. */
export function answerMetrics(registry: Pick<Registry, 'getMetricsAsJSON'>): () => void {
  async function answer({ type, request }: MetricsWanted): Promise<void> {
    if (type !== 'metrics_wanted') return;
    const message: MetricsAnswer = { type: 'metrics', request, metrics: known(await registry.getMetricsAsJSON()) };
    sendToPrimary(message);
  }
  process.on('message', answer);
  return () => process.off('message', answer);
}

/** What is not known (NaN) would arrive as null, and be counted as zero. */
function known(metrics: MetricsAsJson): MetricsAsJson {
  return metrics.map((metric) => ({ ...metric, values: metric.values.filter(({ value }) => !Number.isNaN(value)) }));
}
