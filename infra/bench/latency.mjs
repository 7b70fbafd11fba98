// Latencies of any number of records in a fixed amount of memory, from 1 µs to an hour, each at most 0.1 % off.
import { build } from 'hdr-histogram-js';

/** @typedef {import('hdr-histogram-js').Histogram} LatencyHistogram */

/** @returns {LatencyHistogram} */
export function latencyHistogram() {
  return build({ lowestDiscernibleValue: 1, highestTrackableValue: 3_600_000_000, numberOfSignificantValueDigits: 3 });
}

/** @param {LatencyHistogram} histogram @param {number} ms */
export function recordLatency(histogram, ms) {
  histogram.recordValue(Math.max(1, Math.round(ms * 1_000)));
}

/**
 * Percentiles in ms; all 0 when the histogram is empty.
 * @param {LatencyHistogram} histogram
 */
export function latencySummary(histogram) {
  const percentileMs = (percent) => (histogram.totalCount === 0 ? 0 : histogram.getValueAtPercentile(percent) / 1_000);
  return { p50Ms: percentileMs(50), p99Ms: percentileMs(99), maxMs: percentileMs(100) };
}
