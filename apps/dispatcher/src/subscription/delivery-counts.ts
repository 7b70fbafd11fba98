// Counts of one subscription in this process, for the metrics.

export interface DeliveryCounts {
  delivered: number;
  /** Sent again after an attempt without success. */
  retried: number;
  rejected: number;
  deadLettered: number;
  /** Dead letters that were delivered later. */
  redelivered: number;
  /** Not wanted by the filter. */
  passedOver: number;
  /** Removed by retention before they were delivered. */
  lost: number;
  /** Partitions that are suspended because the endpoint is away. */
  suspended: number;
  /** From receipt to delivery. */
  observeLatency: (seconds: number) => void;
}

export function createDeliveryCounts(observeLatency: (seconds: number) => void): DeliveryCounts {
  return {
    delivered: 0,
    retried: 0,
    rejected: 0,
    deadLettered: 0,
    redelivered: 0,
    passedOver: 0,
    lost: 0,
    suspended: 0,
    observeLatency,
  };
}
