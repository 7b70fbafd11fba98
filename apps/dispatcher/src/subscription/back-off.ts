// How long to wait before a delivery is retried.

export interface BackOff {
  minimumSeconds: number;
  maximumSeconds: number;
}

/** Doubles with every failure, within the limits. Its upper half is random, so that retries spread out. */
export function backOffMs(failures: number, { minimumSeconds, maximumSeconds }: BackOff, random: () => number): number {
  const seconds = Math.min(maximumSeconds, minimumSeconds * 2 ** Math.min(failures - 1, 30));
  return 1000 * Math.max(minimumSeconds, seconds * (0.5 + random() / 2));
}
