// A 75 kWh pack, precise enough for consistent signals: voltage drops under load, current has the sign that telemetry
// uses.

export const CAPACITY_KWH = 75;
export const CHARGE_LIMIT_SOC = 80;
const INTERNAL_OHM = 0.06;
const MILES_PER_KWH_RATED = 3.7;
const MILES_PER_KWH_RECENT = 3.3;

export interface PackReading {
  readonly voltageV: number;
  /** Negative while the pack discharges, positive in regeneration and charging (teslamotors/fleet-telemetry#337). */
  readonly currentA: number;
}

/** @param powerKw positive = discharge, negative = charge. */
export function readPack(energyKwh: number, powerKw: number): PackReading {
  const restingV = 330 + 0.7 * socOf(energyKwh);
  const voltageV = restingV - ((powerKw * 1000) / restingV) * INTERNAL_OHM;
  return { voltageV, currentA: (-powerKw * 1000) / voltageV };
}

/** Energy after `seconds` at this power, between empty and full. */
export function energyAfter(energyKwh: number, powerKw: number, seconds: number): number {
  return Math.min(CAPACITY_KWH, Math.max(0, energyKwh - (powerKw * seconds) / 3600));
}

/** Percent. */
export function socOf(energyKwh: number): number {
  return (energyKwh / CAPACITY_KWH) * 100;
}

export function ratedRangeMiles(energyKwh: number): number {
  return energyKwh * MILES_PER_KWH_RATED;
}

export function estimatedRangeMiles(energyKwh: number): number {
  return energyKwh * MILES_PER_KWH_RECENT;
}
