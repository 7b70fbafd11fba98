// Merges the metrics of several processes. Counters of an exited process stay in the sums: Prometheus would take a sum
// that falls for a restart and count everything so far a second time.
import { AggregatorRegistry, type Registry } from 'prom-client';

/** The result of `registry.getMetricsAsJSON()`, which can be sent over IPC. */
export type MetricsAsJson = Awaited<ReturnType<Registry['getMetricsAsJSON']>>;

const CUMULATIVE_TYPES: ReadonlySet<string> = new Set(['counter', 'histogram']);

export class MergedMetrics {
  #retired: MetricsAsJson = [];

  /** Keeps the counters of a process that has exited. Its gauges (connections, memory) are dropped. */
  async retire(last: MetricsAsJson): Promise<void> {
    const sums = await AggregatorRegistry.aggregate([this.#retired, last]).getMetricsAsJSON();
    this.#retired = sums.filter(({ type }) => CUMULATIVE_TYPES.has(String(type)));
  }

  /** The sum of the given metrics and of exited processes, to be read as text or as values. */
  merge(running: readonly MetricsAsJson[]): Pick<Registry, 'metrics' | 'getMetricsAsJSON'> {
    return AggregatorRegistry.aggregate([...running, this.#retired]);
  }
}
