import { decodeRecord, encodeMessage, signalNames, timestampOf } from '@fleetbridge/protocol';
import type { Checkpoint, LogEntry } from '@fleetbridge/store';
import { emptyState, toFrameRow, type VehicleState } from '@fleetbridge/vehicle-state';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dataOf, driving } from '../../test/vehicle-log.js';
import type { Frame } from './frame.js';
import { builderFromCheckpoint, builderFromState, type FrameBuilder, frameSignals } from './frame-builder.js';
import { chooseCheckpoint, FrameHistory } from './frame-history.js';

const VIN = '5YJ3E1EA7KF000001';
const WINDOW_MS = 3_600_000;

describe('a checkpoint', () => {
  it('holds every signal that a column depends on', () => {
    const before = stateWith({});
    for (const name of signalNames.values()) {
      const changes = [
        5,
        77.7,
        true,
        'ShiftStateD',
        'ShiftStateP',
        'DetailedChargeStateCharging',
        'ChargeStateCharging',
      ];
      const locations = [{ latitude: 50, longitude: 10 }];
      const isShown = [...changes, ...locations].some((value) => {
        const row = toFrameRow(stateWith({ [name]: value }), 1_000);
        return JSON.stringify(row) !== JSON.stringify(toFrameRow(before, 1_000));
      });
      if (isShown) expect(frameSignals).toContain(name);
    }
  });

  it('has the text that processes of release 0.1 write and read', () => {
    const builder = builderFromState(stateWith({ Gear: 'ShiftStateD' }), '5-0', WINDOW_MS);
    const { text } = builder.checkpoint('7-0');
    const text01 = '1000,1,1,,,1,48.1,11.5,20,D,,,1';
    expect(JSON.stringify(JSON.parse(text).present)).toBe(
      `{"entryId":"5-0","timeMs":1000,"text":"${text01}","isParked":false}`,
    );
    expect(builderFromCheckpoint({ entryId: '7-0', text }, WINDOW_MS).present).toEqual(builder.present);
  });

  it('lets another process make exactly the same frames', () => {
    fc.assert(
      fc.property(fc.array(record, { minLength: 1, maxLength: 60 }), fc.nat(59), (records, at) => {
        const entries = entriesOf(records);
        const builder = builderFromState(emptyState(), '0-0', WINDOW_MS);
        let checkpoint: Checkpoint | undefined;
        const after: Frame[] = [];
        entries.forEach((entry, n) => {
          const frame = builder.record(entry, decoded(entry));
          if (frame && n > at) after.push(frame);
          if (n === at) checkpoint = builder.checkpoint(entry.id);
        });
        if (!checkpoint) return;
        const other = builderFromCheckpoint(JSON.parse(JSON.stringify(checkpoint)), WINDOW_MS);
        // entries before the checkpoint can be read again
        const again = entries.flatMap((entry) => other.record(entry, decoded(entry)) ?? []);
        expect(again).toEqual(after);
        expect(other.present).toEqual(builder.present);
      }),
    );
  });
});

describe('chooseCheckpoint', () => {
  const checkpoints = [
    checkpointAt('1000-0', '900-0'),
    checkpointAt('2000-0', '1900-0'),
    checkpointAt('3000-0', '2900-0'),
  ];
  it.each([
    ['the newest from which all frames can be made', ['1950-0', '2800-0'], 0, '2000-0'],
    ['the newest, when there are no slots', [], 0, '3000-0'],
    ['the newest, when its frame is the next one of a slot', ['2899-9007199254740991'], 0, '3000-0'],
    ['the oldest, when no checkpoint is early enough', ['5-0'], 0, '1000-0'],
    ['no checkpoint that is too old', ['5-0'], 1_500, '2000-0'],
  ])('returns %s', (_, cursors, oldestMs, expected) => {
    expect(chooseCheckpoint(checkpoints, { cursors, oldestMs })?.entryId).toBe(expected);
  });

  it('returns undefined when all are too old', () => {
    expect(chooseCheckpoint(checkpoints, { cursors: [], oldestMs: 9_000 })).toBeUndefined();
  });
});

describe('a rebuilt builder', () => {
  it('has exactly what the tail has delivered, at any progress of the tail', async () => {
    const steps = fc.array(fc.nat(40), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(record, { minLength: 1, maxLength: 60 }),
        steps,
        fc.nat(59),
        async (records, grows, at) => {
          const log = entriesOf(records);
          const straight = builderFromState(emptyState(), '0-0', WINDOW_MS);
          let read = Math.min(at, log.length);
          const advance = (count: number) => {
            for (const entry of log.slice(read, read + count)) straight.record(entry, decoded(entry));
            read = Math.min(log.length, read + count);
          };
          const first = builderFromState(emptyState(), '0-0', WINDOW_MS).checkpoint('0-0');
          for (const entry of log.slice(0, read)) straight.record(entry, decoded(entry));
          const history = new FrameHistory({
            pages: {
              // the page is read at the time of the request; then the tail advances
              after: async (_, cursor, _count) => {
                const from = log.findIndex(({ id }) => Number.parseInt(id, 10) > Number.parseInt(cursor, 10));
                const page = from < 0 ? [] : log.slice(from, from + 7);
                await Promise.resolve();
                advance(grows.pop() ?? 0);
                return page;
              },
            },
            store: { partitionOf: () => 0 },
            windowMs: WINDOW_MS,
            readUpTo: () => log[read - 1]?.id ?? '0-0',
          });
          const builders: FrameBuilder[] = [];
          const takeOver = (builder: FrameBuilder) => {
            expect(framesOf(builder)).toEqual(framesOf(straight));
            expect(builder.present).toEqual(straight.present);
            builders.push(builder);
          };
          await Promise.all([history.rebuild(VIN, first, takeOver), history.rebuild(VIN, first, takeOver)]);
          expect(builders).toHaveLength(2);
        },
      ),
    );
  });

  it('is completed when the entries to read were trimmed', async () => {
    const history = new FrameHistory({
      pages: { after: async () => [] },
      store: { partitionOf: () => 0 },
      windowMs: WINDOW_MS,
      readUpTo: () => '10-0',
    });
    let takeOvers = 0;
    await history.rebuild(VIN, checkpointAt('1-0', '1-0'), () => takeOvers++);
    expect(takeOvers).toBe(1);
  });

  it('can be requested again after Redis did not answer', async () => {
    let isAway = true;
    const history = new FrameHistory({
      pages: {
        after: () => (isAway ? Promise.reject(new Error('away')) : Promise.resolve([])),
      },
      store: { partitionOf: () => 0 },
      windowMs: WINDOW_MS,
      readUpTo: () => '10-0',
    });
    let takeOvers = 0;
    await expect(history.rebuild(VIN, checkpointAt('1-0', '1-0'), () => takeOvers++)).rejects.toThrow('away');
    isAway = false;
    await history.rebuild(VIN, checkpointAt('1-0', '1-0'), () => takeOvers++);
    expect(takeOvers).toBe(1);
  });
});

const record = fc.record({
  timeMs: fc.integer({ min: 1, max: 50 }),
  signals: fc.record(
    {
      Location: fc.constantFrom([48.1, 11.5] as const, [48.2, 11.6] as const),
      Gear: fc.constantFrom('P' as const, 'D' as const),
      VehicleSpeed: fc.nat(3),
      Soc: fc.nat(3),
      PackVoltage: fc.constantFrom(390, 400),
      PackCurrent: fc.constantFrom(-50, 10),
    },
    { requiredKeys: [] },
  ),
});

function entriesOf(records: readonly { timeMs: number; signals: Parameters<typeof dataOf>[0] }[]): LogEntry[] {
  return records.map(({ timeMs, signals }, n) => ({
    id: `${n + 1}-0`,
    vin: VIN,
    topic: 'V',
    txid: '',
    createdMs: timeMs,
    receivedMs: timeMs,
    version: '',
    payload: encodeMessage('V', { data: dataOf(signals), createdAt: timestampOf(timeMs), vin: VIN }),
  }));
}

function decoded({ topic, payload }: LogEntry) {
  return decodeRecord(topic, payload)!;
}

function framesOf({ ring }: FrameBuilder): (Frame | undefined)[] {
  return Array.from({ length: ring.end - ring.start }, (_, n) => ring.at(ring.start + n));
}

function checkpointAt(entryId: string, frameId: string): Checkpoint {
  const present = { entryId: frameId, timeMs: 1, text: '1,,,,,,,,,,,,', isParked: false };
  return { entryId, text: JSON.stringify({ present, readings: {} }) };
}

function stateWith(values: Record<string, unknown>): VehicleState {
  const all: Record<string, unknown> = {
    Location: { latitude: driving.Location[0], longitude: driving.Location[1] },
    VehicleSpeed: 1,
    Odometer: 1,
    GpsHeading: 1,
    PackVoltage: 400,
    PackCurrent: -50,
    ...values,
  };
  const readings = Object.entries(all).map(
    ([name, value]) => [name, { value, timeMs: 1_000, entryId: '1-0' }] as const,
  );
  return { readings: new Map(readings) } as VehicleState;
}
