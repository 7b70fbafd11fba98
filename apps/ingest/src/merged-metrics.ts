// The metrics of several workers as one page. Counters of a worker that has died stay in the sums: a sum that fell would
// look to Prometheus like a restart, and everything counted so far would seem to have happened at once.
import { AggregatorRegistry, type Registry } from 'prom-client';

/** As `registry.getMetricsAsJSON()` gives them; they travel over IPC. */
export type MetricsAsJson = Awaited<ReturnType<Registry['getMetricsAsJSON']>>;

export class MergedMetrics {
  #retired: MetricsAsJson = [];

  /** What a worker counted until it ended. Its levels (connected vehicles, memory) ended with it. */
  async retire(last: MetricsAsJson): Promise<void> {
    const sums = await merge([this.#retired, last]).getMetricsAsJSON();
    this.#retired = sums.filter(({ type }) => growing.has(String(type)));
  }

  /** Prometheus' text of all that is given and of the workers that have ended. */
  text(living: readonly MetricsAsJson[]): Promise<string> {
    return merge([...living, this.#retired]).metrics();
  }
}

const growing: ReadonlySet<string> = new Set(['counter', 'histogram']);

function merge(parts: MetricsAsJson[]): Registry {
  return AggregatorRegistry.aggregate(parts);
}
