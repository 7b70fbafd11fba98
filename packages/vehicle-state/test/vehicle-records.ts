// Records as a reader of the log receives them: encoded and decoded by packages/protocol.
import { ConnectivityEvent, decodeRecord, encodeMessage, Field, timestampOf, type Value } from '@fleetbridge/protocol';
import fc from 'fast-check';
import { emptyState, mergeRecord, type VehicleRecord, type VehicleState } from '../src/state.js';

/** null: marked invalid. A Value of the wire (`{ shiftStateValue: 5 }`) if the plain type is not enough. */
export type Sent = number | string | boolean | null | { latitude: number; longitude: number } | Value;
export type Signals = Partial<Record<keyof typeof Field, Sent>>;

export function vehicleRecord(timeMs: number, signals: Signals, entryId = `${timeMs}-0`): VehicleRecord {
  return rawRecord(timeMs, Object.entries(signals) as [keyof typeof Field, Sent][], entryId);
}

/** As vehicleRecord; may name a signal twice. */
export function rawRecord(timeMs: number, data: [keyof typeof Field, Sent][], entryId: string): VehicleRecord {
  const message = {
    createdAt: timestampOf(timeMs),
    data: data.map(([name, sent]) => ({ key: Field[name], value: wireValue(sent) })),
  };
  return { timeMs, entryId, decoded: decodeRecord('V', encodeMessage('V', message))! };
}

export function connectivityRecord(
  entryId: string,
  status: 'CONNECTED' | 'DISCONNECTED' | 'UNKNOWN',
  connectionId: string,
  timeMs = 1_000,
): VehicleRecord {
  const message = { connectionId, status: ConnectivityEvent[status], networkInterface: 'wifi' };
  return { timeMs, entryId, decoded: decodeRecord('connectivity', encodeMessage('connectivity', message))! };
}

export function stateAfter(...records: VehicleRecord[]): VehicleState {
  const state = emptyState();
  for (const record of records) mergeRecord(state, record);
  return state;
}

export function stateWith(signals: Signals, timeMs = 1_000): VehicleState {
  return stateAfter(vehicleRecord(timeMs, signals));
}

/** Records of one vehicle's log, each with an id of its own; few times and signals, so that they collide. */
export function someRecords(maxLength = 12): fc.Arbitrary<VehicleRecord[]> {
  const content = fc.oneof(
    { weight: 6, arbitrary: fc.record({ timeMs: someTime, data: fc.array(someDatum, { maxLength: 6 }) }) },
    { weight: 1, arbitrary: fc.record({ status: fc.constantFrom('CONNECTED', 'DISCONNECTED'), timeMs: someTime }) },
  );
  return fc.array(content, { maxLength }).map((contents) =>
    contents.map((each, index) => {
      const entryId = `${8 + Math.floor(index / 2)}-${9 + (index % 2)}`;
      if ('data' in each) return rawRecord(each.timeMs, each.data, entryId);
      return connectivityRecord(entryId, each.status as 'CONNECTED' | 'DISCONNECTED', `c${index}`, each.timeMs);
    }),
  );
}

const someTime = fc.constantFrom(900, 1_000, 1_000, 30_000, 61_000, 90_000);
const someNumber = fc.oneof(
  fc.double(),
  fc.integer({ min: -400, max: 400 }),
  fc.constantFrom(0, -0, 0.4, -0.4, 1e-7, 999),
  fc.constantFrom(100, 160.9344, 161, 100.5, 18947.1, 30492.6),
);
const someLocation = fc.constantFrom<Sent>(
  { latitude: 0, longitude: 0 },
  { latitude: 48.1, longitude: -0.0000001 },
  { latitude: 91, longitude: 7 },
  { latitude: Number.NaN, longitude: 7 },
  '(37.412374 N, 122.145867 W)',
  null,
);
const numbered = fc.constantFrom<keyof typeof Field>(
  'VehicleSpeed',
  'Odometer',
  'Soc',
  'BatteryLevel',
  'GpsHeading',
  'PackVoltage',
  'PackCurrent',
  'ACChargingPower',
  'DCChargingPower',
  'RatedRange',
  'EstBatteryRange',
);
const someGear = fc.constantFrom('D', '"D"', 'ShiftStateP', 'R', 'SNA', 'Invalid', { shiftStateValue: 4 }, null);
const someCharge = fc.constantFrom('Charging', 'DetailedChargeStateStarting', 'Complete', 'Unknown', null);

const someDatum: fc.Arbitrary<[keyof typeof Field, Sent]> = fc.oneof(
  fc.tuple(
    numbered,
    fc.oneof(someNumber, someNumber.map(String), fc.constantFrom(null, '', 'x', ' 12.4 ', '"161"', true)),
  ),
  fc.tuple(fc.constant('Location' as const), someLocation),
  fc.tuple(fc.constant('Gear' as const), someGear),
  fc.tuple(fc.constant('DetailedChargeState' as const), someCharge),
  fc.tuple(fc.constant('VehicleName' as const), fc.string()),
  fc.tuple(fc.constant('DoorState' as const), fc.constant({ doorValue: { DriverFront: true } })),
  fc.tuple(fc.constant('DestinationLocation' as const), someLocation),
);

function wireValue(sent: Sent): Value {
  if (sent === null) return { invalid: true };
  if (typeof sent === 'number') return { doubleValue: sent };
  if (typeof sent === 'string') return { stringValue: sent };
  if (typeof sent === 'boolean') return { booleanValue: sent };
  return 'latitude' in sent ? { locationValue: sent as { latitude: number; longitude: number } } : (sent as Value);
}
