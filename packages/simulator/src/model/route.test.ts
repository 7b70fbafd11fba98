import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createRoute, distanceBetweenM, munichLoop } from './route.js';

describe('a route', () => {
  const route = createRoute(munichLoop);

  it('is a loop: any distance, also negative, has a position on it', () => {
    fc.assert(
      fc.property(fc.double({ min: -1e6, max: 1e6, noNaN: true }), (distanceM) => {
        expect(distanceBetweenM(route.placeAt(distanceM), route.placeAt(distanceM + route.lengthM))).toBeLessThan(0.01);
        const heading = route.headingAt(distanceM);
        expect(heading >= 0 && heading < 360).toBe(true);
      }),
    );
  });

  it('moves one metre per metre of distance', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 20_000, noNaN: true }), (distanceM) => {
        const walkedM = distanceBetweenM(route.placeAt(distanceM), route.placeAt(distanceM + 1));
        expect(walkedM).toBeLessThan(1.01);
      }),
    );
    expect(route.lengthM).toBeGreaterThan(8_000);
    expect(route.corners.length).toBeGreaterThanOrEqual(12);
  });

  it('needs three different waypoints', () => {
    expect(() => createRoute(munichLoop.slice(0, 2))).toThrow(RangeError);
    expect(() => createRoute([...munichLoop.slice(0, 3), munichLoop[2]!])).toThrow(RangeError);
  });
});
