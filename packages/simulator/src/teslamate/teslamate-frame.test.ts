import { describe, expect, it } from 'vitest';
import { parseTeslaMateFrame, type TeslaMateFrame } from './teslamate-frame.js';

function frameOf(value: string, columns?: readonly string[]): TeslaMateFrame {
  const parsed = parseTeslaMateFrame(value, columns);
  if ('crash' in parsed) throw new Error(parsed.crash);
  return parsed.frame;
}

const nothingKnown = {
  speed: null,
  odometer: null,
  soc: null,
  elevation: null,
  estHeading: null,
  estLat: null,
  estLng: null,
  power: null,
  shiftState: null,
  range: null,
  estRange: null,
  heading: null,
};

describe('parseTeslaMateFrame', () => {
  it('reads thirteen values', () => {
    expect(frameOf('1760000000123,31,12345.6,64,520,270,48.1392,11.5655,-12,D,230,210,271')).toEqual({
      timeMs: 1_760_000_000_123,
      speed: 31,
      odometer: 12345.6,
      soc: 64,
      elevation: 520,
      estHeading: 270,
      estLat: 48.1392,
      estLng: 11.5655,
      power: -12,
      shiftState: 'D',
      range: 230,
      estRange: 210,
      heading: 271,
    });
  });

  it('keeps zero and reads an empty text as unknown', () => {
    expect(frameOf('1,0,0,0,0,0,0,0,0,P,0,0,0')).toMatchObject({
      speed: 0,
      odometer: 0,
      power: 0,
      estLat: 0,
      heading: 0,
    });
    expect(frameOf('1,,,,,,,,,,,,')).toEqual({ timeMs: 1, ...nothingKnown });
  });

  it('reads a fraction as unknown in an integer column', () => {
    expect(frameOf('1,30.7,,81.2,1e3,-7,,, 5,P,abc,007,+4')).toMatchObject({
      speed: null,
      soc: null,
      elevation: null,
      estHeading: -7,
      power: null,
      range: null,
      estRange: 7,
      heading: 4,
    });
  });

  it('reads integers and exponents as floats, and rejects trailing text', () => {
    expect(frameOf('1,,1.5e3,,,,48,11,,P,,,')).toMatchObject({ odometer: 1500, estLat: 48, estLng: 11 });
    expect(frameOf('1,,.5,,,,48.,11 ,,P,,,')).toMatchObject({ odometer: null, estLat: null, estLng: null });
  });

  it('pads a short value and ignores extra columns', () => {
    expect(frameOf('1,30')).toEqual({ timeMs: 1, ...nothingKnown, speed: 30 });
    expect(frameOf('1,,,,,,,,,,,,9,extra,more')).toMatchObject({ heading: 9 });
  });

  it('reads another list of columns', () => {
    expect(frameOf('1,D,48,11', ['shift_state', 'est_lat', 'est_lng'])).toEqual({
      timeMs: 1,
      ...nothingKnown,
      shiftState: 'D',
      estLat: 48,
      estLng: 11,
    });
  });

  it.each(['', '1.5,', 'now,30', '1e12,30', ' 1,30'])('crashes on the time of %j', (value) => {
    expect(parseTeslaMateFrame(value)).toHaveProperty('crash');
  });

  it.each(['D', 'N', 'R'])('crashes in gear %s without a position', (shift) => {
    expect(parseTeslaMateFrame(`1,30,,,,,48,,5,${shift},,,`)).toHaveProperty('crash');
    expect(parseTeslaMateFrame(`1,30,,,,,,11,5,${shift},,,`)).toHaveProperty('crash');
    expect(parseTeslaMateFrame(`1,30,,,,,48,11,5,${shift},,,`)).toHaveProperty('frame');
    expect(parseTeslaMateFrame('1,0,,,,,,,5,P,,,')).toHaveProperty('frame');
  });
});
