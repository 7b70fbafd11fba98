import fc from 'fast-check';
import { expect, test } from 'vitest';
import { editDistance, nearestName } from './nearest-name.js';

test('the distance counts added, removed and replaced letters', () => {
  expect(editDistance('kitten', 'sitting')).toBe(3);
  expect(editDistance('', 'abc')).toBe(3);
});

test('the distance is a metric', () => {
  const word = fc.string({ maxLength: 8, unit: fc.constantFrom('a', 'b', '_') });
  fc.assert(
    fc.property(word, word, word, (a, b, c) => {
      expect(editDistance(a, b)).toBe(editDistance(b, a));
      expect(editDistance(a, b) === 0).toBe(a === b);
      expect(editDistance(a, c)).toBeLessThanOrEqual(editDistance(a, b) + editDistance(b, c));
    }),
  );
});

test('returns the nearest name, the first of equals, and undefined when all are too different', () => {
  expect(nearestName('INGEST_PROT', ['INGEST_HOST', 'INGEST_PORT', 'INGEST_PORTS'])).toBe('INGEST_PORT');
  expect(nearestName('ab', ['ac', 'ad'])).toBe('ac');
  expect(nearestName('INGEST_X', ['STREAMING_PORT'])).toBeUndefined();
});
