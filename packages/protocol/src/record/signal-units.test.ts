import { describe, expect, it } from 'vitest';
import { signalNames } from './record.js';
import { signalsWithUnit, signalUnit } from './signal-units.js';

describe('signalUnit', () => {
  it('lists only signals of the schema', () => {
    const names = new Set(signalNames.values());
    expect([...signalsWithUnit].filter((name) => !names.has(name))).toEqual([]);
    expect([signalUnit('VehicleSpeed'), signalUnit('Gear')]).toEqual(['mph', undefined]);
  });
});
