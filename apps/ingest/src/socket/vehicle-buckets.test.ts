import { describe, expect, it } from 'vitest';
import { VehicleBuckets } from './vehicle-buckets.js';

describe('VehicleBuckets', () => {
  it('keeps the bucket of a vehicle across connections, and deletes it when it is full and the vehicle disconnected', () => {
    const limits = new VehicleBuckets({ capacity: 2, perSecond: 2 });
    limits.bucketOf('A').take(0);
    limits.bucketOf('A').take(0);
    expect(limits.bucketOf('A').waitMs(0)).toBe(500);
    limits.deleteFull(900, () => false);
    expect(limits.size).toBe(1);
    limits.deleteFull(1_000, () => true);
    expect(limits.size).toBe(1);
    limits.deleteFull(1_000, () => false);
    expect(limits.size).toBe(0);
  });
});
