export { MergedMetrics, type MetricsAsJson } from './merged-metrics.js';
export { createMetrics, type Metrics } from './metrics.js';
