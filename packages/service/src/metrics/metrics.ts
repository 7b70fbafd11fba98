// The metrics of one process in a registry of its own. No global registry: two apps in one test process would meet
// there, and importing a module must not register anything.
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

type Unbound<Configuration> = Omit<Configuration, 'registers'>;

export interface Metrics {
  registry: Registry;
  counter<Label extends string = never>(configuration: Unbound<CounterConfiguration<Label>>): Counter<Label>;
  gauge<Label extends string = never>(configuration: Unbound<GaugeConfiguration<Label>>): Gauge<Label>;
  histogram<Label extends string = never>(configuration: Unbound<HistogramConfiguration<Label>>): Histogram<Label>;
  /** A counter that is a plain number in the program, and read when Prometheus asks. */
  total(name: string, help: string, read: () => number): void;
  /** The same for a number that goes up and down. */
  level(name: string, help: string, read: () => number): void;
  /** One counter a name, e.g. by reason. */
  totalByName(name: string, help: string, label: string, read: () => Record<string, number | undefined>): void;
}

/** Every series carries `app`. The default metrics are the process' own: CPU, memory, GC, event-loop delay. */
export function createMetrics({ app, defaultMetrics = true }: { app: string; defaultMetrics?: boolean }): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ app });
  if (defaultMetrics) collectDefaultMetrics({ register: registry });
  const registers = [registry];
  return {
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
}
