// Which doors are open. Firmware before 2024.44.32 has driver rear and passenger front exchanged (documented by Tesla), and
// an old configuration sends the open ones as text: `DriverFront|TrunkRear`.
import { correctedValue } from '../corrected-value.js';
import type { VehicleState } from '../state.js';
import { textOf } from './sources.js';

const CORRECTED_IN = [2024, 44, 32];
const EXCHANGED = { DriverRear: 'PassengerFront', PassengerFront: 'DriverRear' } as const;

export type Door = 'DriverFront' | 'DriverRear' | 'PassengerFront' | 'PassengerRear' | 'TrunkFront' | 'TrunkRear';

/** undefined: unknown. */
export function isDoorOpen(state: Readonly<VehicleState>, door: Door): boolean | undefined {
  const value = correctedValue(state, 'DoorState');
  const sentAs = isBeforeCorrection(state) && door in EXCHANGED ? EXCHANGED[door as keyof typeof EXCHANGED] : door;
  if (typeof value === 'string') return value.split('|').includes(sentAs);
  if (typeof value !== 'object' || value === null) return undefined;
  return (value as Readonly<Record<string, unknown>>)[sentAs] === true;
}

function isBeforeCorrection(state: Readonly<VehicleState>): boolean {
  const [, ...parts] = /^(\d{4})\.(\d+)(?:\.(\d+))?/.exec(textOf(state, 'Version') ?? '') ?? [];
  if (parts.length === 0) return false;
  for (const [index, corrected] of CORRECTED_IN.entries()) {
    const part = Number(parts[index] ?? 0);
    if (part !== corrected) return part < corrected;
  }
  return false;
}
