// The metrics of one process, in a registry per app. Not prom-client's global one: two apps in one test process would
// share it, and importing a module must not register anything.
import {
  Counter,
  type CounterConfiguration,
  collectDefaultMetrics,
  Gauge,
  type GaugeConfiguration,
  Histogram,
  type HistogramConfiguration,
  Registry,
} from 'prom-client';
import { droppedLogLines } from '../log/index.js';

type Unbound<Configuration> = Omit<Configuration, 'registers'>;

export interface Metrics {
  registry: Registry;
  counter<Label extends string = never>(configuration: Unbound<CounterConfiguration<Label>>): Counter<Label>;
  gauge<Label extends string = never>(configuration: Unbound<GaugeConfiguration<Label>>): Gauge<Label>;
  histogram<Label extends string = never>(configuration: Unbound<HistogramConfiguration<Label>>): Histogram<Label>;
  /** A counter with a value that is read from the program on each scrape. */
  total(name: string, help: string, read: () => number): void;
  /** A gauge that is read on each scrape. */
  level(name: string, help: string, read: () => number): void;
  /** A counter with one label, such as the reason; read on each scrape. */
  totalByName(name: string, help: string, label: string, read: () => Record<string, number | undefined>): void;
}

/**
 * Every series has the label `app`. The default metrics are CPU, memory, GC and event loop delay of the process, and its
 * dropped log lines.
 */
export function createMetrics({ app, defaultMetrics = true }: { app: string; defaultMetrics?: boolean }): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ app });
  if (defaultMetrics) collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const metrics: Metrics = {
    registry,
    counter: (configuration) => new Counter({ ...configuration, registers }),
    gauge: (configuration) => new Gauge({ ...configuration, registers }),
    histogram: (configuration) => new Histogram({ ...configuration, registers }),
    total: (name, help, read) => {
      new Counter({
        name,
        help,
        registers,
        collect() {
          this.reset();
          this.inc(read());
        },
      });
    },
    level: (name, help, read) => {
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(read());
        },
      });
    },
    totalByName: (name, help, label, read) => {
      new Counter({
        name,
        help,
        labelNames: [label],
        registers,
        collect() {
          this.reset();
          for (const [value, count] of Object.entries(read())) this.inc({ [label]: value }, count ?? 0);
        },
      });
    },
  };
  if (defaultMetrics) {
    metrics.total(
      'fleetbridge_log_lines_dropped_total',
      'Log lines that were not written because stdout was not read or failed.',
      droppedLogLines,
    );
  }
  return metrics;
}
