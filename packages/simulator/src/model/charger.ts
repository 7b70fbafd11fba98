// The charger that a car is plugged in to, and the counters of a session as the car reports them.

import { CAPACITY_KWH } from './battery.js';

export interface ChargerOptions {
  /** A wallbox, or a fast charger that feeds the pack directly. Default: ac. */
  readonly kind?: 'ac' | 'dc';
  /** Of a wallbox. Default: 3 phases of 16 A. */
  readonly phases?: 1 | 3;
  readonly amps?: number;
  /** Of a fast charger. Default: 150. */
  readonly dcKw?: number;
  /** kWh that the counters show when a session begins. Default: 0. */
  readonly countersBeginAtKwh?: number;
  /** The counters restart at 0 when the battery has got this much, kWh. Default: never. */
  readonly countersRestartAtKwh?: number;
  /** The last digits of power, voltage and counters change all the time. */
  readonly jitters?: boolean;
}

export interface Charger {
  readonly kind: 'ac' | 'dc';
  readonly volts: number;
  readonly amps: number;
  readonly phases: number;
  /** At its output, on the charger's side. */
  readonly fullKw: number;
  /** Share of the charger's energy that arrives in the battery: the car converts AC with a loss of 8 %. */
  readonly efficiency: number;
  readonly options: ChargerOptions;
}

const MAINS_VOLTS = 230;
const AC_EFFICIENCY = 0.92;

export function createCharger(options: ChargerOptions = {}): Charger {
  const { kind = 'ac', phases = 3, amps = 16, dcKw = 150 } = options;
  return kind === 'dc'
    ? { kind, volts: 0, amps: 0, phases: 0, fullKw: dcKw, efficiency: 1, options }
    : {
        kind,
        volts: MAINS_VOLTS,
        amps,
        phases,
        fullKw: (MAINS_VOLTS * amps * phases) / 1000,
        efficiency: AC_EFFICIENCY,
        options,
      };
}

/** The power at this energy of the pack: a fast charger's falls towards the limit, to a fifth. */
export function chargerPowerKw(
  { kind, fullKw }: Charger,
  { energyKwh, chargeLimitSoc }: { energyKwh: number; chargeLimitSoc: number },
): number {
  if (kind === 'ac') return fullKw;
  const missingShare = 1 - energyKwh / ((CAPACITY_KWH * chargeLimitSoc) / 100);
  return fullKw * Math.min(1, Math.max(0.2, missingShare * 4));
}

/** What a counter shows that began with the session, when the battery has got `addedKwh`. */
export function counterKwh({ options }: Charger, countedKwh: number, addedKwh: number): number {
  const { countersBeginAtKwh = 0, countersRestartAtKwh = Number.POSITIVE_INFINITY } = options;
  if (addedKwh < countersRestartAtKwh) return countersBeginAtKwh + countedKwh;
  return countedKwh * (1 - countersRestartAtKwh / addedKwh);
}
