// One frame as a line for the terminal.
import { printable } from '@fleetbridge/service';
import type { TeslaMateFrame } from '@fleetbridge/simulator';
import { localTime } from '../supervisor/index.js';

/** `14:03:07  5YJ3E1EA7KF000001  D   31 mph   64 %  48.13745,11.57549   12 kW`; a dash for an unknown value. */
export function frameLine(vin: string, frame: TeslaMateFrame): string {
  const { timeMs, shiftState, speed, soc, estLat, estLng, power } = frame;
  const place = estLat === null || estLng === null ? '-' : `${estLat.toFixed(5)},${estLng.toFixed(5)}`;
  return [
    localTime(new Date(timeMs)),
    vin,
    printable(shiftState ?? '-'),
    quantity(speed, 'mph'),
    quantity(soc, '%'),
    place.padEnd(20),
    quantity(power, 'kW'),
  ].join('  ');
}

function quantity(value: number | null, unit: string): string {
  return `${String(value ?? '-').padStart(4)} ${unit}`;
}

/** The heading of these lines. */
export const FRAME_HEADING = [
  'time'.padEnd(8),
  'vin'.padEnd(17),
  'gear speed  battery',
  'position'.padEnd(20),
  'power',
].join('  ');
