// The metrics of several processes as one page. Counters of one that has ended stay in the sums: a sum that fell would
// look to Prometheus like a restart, and everything counted so far would seem to have happened at once.
import { AggregatorRegistry, type Registry } from 'prom-client';

/** As `registry.getMetricsAsJSON()` gives them; they can travel over IPC. */
export type MetricsAsJson = Awaited<ReturnType<Registry['getMetricsAsJSON']>>;

const GROWING: ReadonlySet<string> = new Set(['counter', 'histogram']);

export class MergedMetrics {
  #retired: MetricsAsJson = [];

  /** What a process had counted when it ended. Its levels (connections, memory) ended with it. */
  async retire(last: MetricsAsJson): Promise<void> {
    const sums = await AggregatorRegistry.aggregate([this.#retired, last]).getMetricsAsJSON();
    this.#retired = sums.filter(({ type }) => GROWING.has(String(type)));
  }

  /** Prometheus' text of all that is given and of the processes that have ended. */
  text(living: readonly MetricsAsJson[]): Promise<string> {
    return AggregatorRegistry.aggregate([...living, this.#retired]).metrics();
  }
}
