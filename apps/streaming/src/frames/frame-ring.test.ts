import { entryMs } from '@fleetbridge/protocol';
import { defaultColumns, formatFrame } from '@fleetbridge/vehicle-state';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createFrame, type Frame, withoutShiftLetter } from './frame.js';
import { FrameRing } from './frame-ring.js';
import { frameBeforeDrive, planReplay } from './replay.js';

const HOUR_MS = 3_600_000;

describe('the ring', () => {
  it('finds the first frame after any cursor, whatever was evicted', () => {
    const gaps = fc.array(fc.record({ gapMs: fc.nat(3), evicts: fc.boolean() }), { minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(gaps, fc.nat(900), (steps, at) => {
        const ring = new FrameRing(HOUR_MS);
        const all: Frame[] = [];
        let ms = 1;
        steps.forEach(({ gapMs, evicts }, n) => {
          ms += gapMs;
          const frame = driving(`${ms}-${n}`);
          all.push(frame);
          ring.push(frame);
          if (evicts) ring.evictBefore(ms - 20);
        });
        const cursor = `${at}-0`;
        const kept = all.slice(ring.start);
        expect(Array.from({ length: kept.length }, (_, n) => ring.at(ring.start + n))).toEqual(kept);
        expect(ring.end).toBe(all.length);
        expect(ring.at(ring.start - 1)).toBeUndefined();
        expect(ring.at(ring.end)).toBeUndefined();
        const first = kept.findIndex(({ entryId }) => Number.parseInt(entryId, 10) >= at && entryId !== cursor);
        expect(ring.after(cursor)).toBe(first < 0 ? ring.end : ring.start + first);
        if (ring.start > 0) expect(ring.lostThrough).toBe(all[ring.start - 1]!.entryId);
      }),
    );
  });

  it('keeps the window, and no more than a bounded number of frames', () => {
    const ring = new FrameRing(1_000);
    for (let ms = 1; ms <= 5_000; ms++) ring.push(driving(`${ms}-0`));
    expect(ring.at(ring.start)!.entryId).toBe('4000-0');
    const long = new FrameRing(HOUR_MS);
    for (let ms = 1; ms <= 25_000; ms++) long.push(driving(`${ms}-0`));
    expect(long.end - long.start).toBe(10_000);
    expect(long.lostThrough).toBe('15000-0');
  });

  it('returns each frame with exactly the texts that were pushed', () => {
    const texts = fc.oneof(
      fc.constantFrom('', '0', '-0', '-7', '48.1', '48.10', '007', '1e21', ' 5', 'NaN', 'P', '9007199254740993'),
      fc.integer().map(String),
      fc.double().map(String),
      fc.string(),
    );
    const row = fc.array(texts, { minLength: defaultColumns.length, maxLength: defaultColumns.length });
    fc.assert(
      fc.property(fc.array(row, { maxLength: 20 }), (rows) => {
        const ring = new FrameRing(HOUR_MS);
        const frames = rows.map((row, n) => {
          const values = Object.fromEntries(defaultColumns.map((name, column) => [name, row[column]!]));
          return createFrame(`5-${n}`, { timeMs: 1_700_000_000_000 + n, values });
        });
        for (const frame of frames) ring.push(frame);
        expect(frames.map((_, n) => ring.at(n))).toEqual(frames);
      }),
    );
  });

  it('knows where the current drive began', () => {
    const ring = new FrameRing(HOUR_MS);
    for (const frame of [driving('1-0'), parked('2-0'), driving('3-0'), driving('4-0')]) ring.push(frame);
    expect(ring.at(ring.driveStart)!.entryId).toBe('3-0');
    ring.evictBefore(4);
    expect(ring.at(ring.driveStart)!.entryId).toBe('4-0');
  });
});

describe('planReplay', () => {
  it.each([
    ['missed frames of the drive', [driving('1-0'), driving('2-0'), driving('3-0')], '1-0', ['2-0', '3-0']],
    ['nothing, when all has been confirmed', [driving('1-0'), driving('2-0')], '2-0', []],
    ['nothing of a drive that is over', [driving('1-0'), driving('2-0'), parked('3-0')], '1-0', []],
    ['only the current drive', [driving('1-0'), parked('2-0'), driving('3-0')], '1-0', ['3-0']],
    ['a drive from its beginning', [parked('1-0'), driving('2-0'), driving('3-0')], '1-0', ['2-0', '3-0']],
    ['nothing that another process has sent before this one read it', [driving('1-0')], '5-0', []],
  ])('replays %s', (_, frames, position, expected) => {
    const ring = ringOf(frames);
    const plan = planReplay({ ring, present: frames.at(-1), position });
    const replayed = Array.from({ length: ring.end - plan.from }, (_, n) => ring.at(plan.from + n)!.entryId);
    expect(replayed).toEqual(expected);
    expect(plan.hasGap).toBe(false);
  });

  it('sends the present frame of a parked vehicle to every subscriber, unless it has a later one', () => {
    const present = parked('3-0');
    const ring = ringOf([driving('2-0'), present]);
    expect(planReplay({ ring, present, position: '1-0' }).first).toBe(present);
    expect(planReplay({ ring, present, position: '3-0' }).first).toBe(present);
    expect(planReplay({ ring, present, position: '4-0' }).first).toBeUndefined();
  });

  it('reports a gap when the ring does not reach back far enough', () => {
    const frames = [driving('1-0'), driving('2-0'), driving('3-0'), driving('4-0')];
    const ring = ringOf(frames);
    ring.evictBefore(3);
    expect(planReplay({ ring, present: frames.at(-1), position: '1-0' }).hasGap).toBe(true);
    expect(planReplay({ ring, present: frames.at(-1), position: '2-0' }).hasGap).toBe(false);
  });

  it('sends nothing for a vehicle without a location', () => {
    const ring = ringOf([]);
    expect(planReplay({ ring, present: undefined, position: '1-0' })).toEqual({
      first: undefined,
      from: 0,
      hasGap: false,
    });
  });
});

describe('frameBeforeDrive', () => {
  const trip = [driving('1-0'), parked('2-0'), driving('3-0'), driving('4-0')];

  it.each([
    ['a subscriber that has the frame with P', trip, '2-0', false, '2-0'],
    ['a subscriber that has an earlier frame with P', [parked('1-0'), ...trip.slice(1)], '1-0', false, '2-0'],
    ['a new subscriber, in the first minute', trip, '4-0', true, '2-0'],
    ['no new subscriber later', [...trip, driving('70-0')], '70-0', true, undefined],
    ['no subscriber that has a frame of the drive', trip, '3-0', false, undefined],
    ['no subscriber that is in an earlier drive', trip, '1-0', false, undefined],
    ['no subscriber of a parked vehicle', [...trip, parked('5-0')], '2-0', false, undefined],
    ['no subscriber when its frame with P is unknown', trip.slice(2), '2-0', true, undefined],
  ])('is for %s', (_, frames, position, isNew, expected) => {
    const ring = ringOf(frames);
    expect(frameBeforeDrive({ ring, present: frames.at(-1), position, isNew })?.entryId).toBe(expected);
  });
});

describe('frameBeforeDrive, when the vehicle slept for longer than frames are kept', () => {
  it('is the last frame with P, with a known power', () => {
    const ring = ringOf([parked('1-0'), driving('70-0'), driving('71-0')]);
    ring.evictBefore(60);
    const present = ring.at(ring.end - 1);
    const frame = frameBeforeDrive({ ring, present, position: '70-9', isNew: true });
    expect(frame).toMatchObject({ entryId: '1-0', values: { shift_state: 'P', power: '0' } });
    ring.evictBefore(71);
    expect(frameBeforeDrive({ ring, present, position: '70-9', isNew: true })).toBeUndefined();
  });
});

describe('a drive', () => {
  it.each([
    ['D', '30', false],
    ['R', '0', false],
    ['N', '', false],
    ['P', '', true],
    ['P', '3', true],
    ['', '', true],
    ['', '0', true],
    ['', '30', false],
  ])('with the shift state "%s" and speed "%s" is over: %s', (letter, speed, isOver) => {
    expect(frame('1-0', letter, speed).isParked).toBe(isOver);
  });

  it('ends with a frame without a shift state and without power', () => {
    expect(formatFrame(withoutShiftLetter(frame('1-0', 'D', '30')), defaultColumns)).toBe('1000,30,,,,,,,0,,,,');
  });
});

function ringOf(frames: Frame[]): FrameRing {
  const ring = new FrameRing(HOUR_MS);
  for (const one of frames) ring.push(one);
  return ring;
}

function driving(entryId: string): Frame {
  return frame(entryId, 'D', '30');
}

function parked(entryId: string): Frame {
  return frame(entryId, 'P', '');
}

function frame(entryId: string, shift_state: string, speed: string): Frame {
  const unknown = Object.fromEntries(defaultColumns.map((name) => [name, '']));
  return createFrame(entryId, { timeMs: entryMs(entryId) * 1000, values: { ...unknown, shift_state, speed } });
}
