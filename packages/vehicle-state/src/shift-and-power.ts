// The Owner API's shift letter, and power with the sign that TeslaMate expects (positive = consumption, negative =
// regeneration or charging). Frames and REST must agree on both.
import { enumTailOf, numberOf } from './signal-reading.js';
import type { VehicleState } from './state.js';

export type ShiftLetter = 'P' | 'R' | 'N' | 'D';

// A greater value is a broken signal. (A Semi charges at about 1,200 kW.)
const MAX_KW = 10_000;
// Less is 0 in a frame, which is no charge to TeslaMate.
const MIN_CHARGE_KW = 0.5;
/** Without `Unknown`. */
const CHARGE_STATES = new Set(['Disconnected', 'NoPower', 'Starting', 'Charging', 'Complete', 'Stopped']);
const CHARGER_STATES = new Set([
  'Idle',
  'QualifyLineConfig',
  'Startup',
  'Enable',
  'Shutdown',
  'ClearFaults',
  'SystemConfig',
]);
const SHIFT_LETTERS = new Set<string>(['P', 'R', 'N', 'D']);

/**
 * The letter to show. undefined if it is unknown (SNA, Invalid, Unknown), **and while charging**: TeslaMate detects a
 * charge only when the letter is empty and power is negative; it ignores `P` with negative power.
 */
export function shownShift(state: VehicleState): ShiftLetter | undefined {
  const shift = gearLetter(state);
  return isDriving(shift) || !isCharging(state) ? shift : undefined;
}

/**
 * kW, not rounded. undefined only while driving without pack values: TeslaMate takes an empty power as "not awake", so a
 * parked vehicle that sends records has a number, 0 if the power is unknown.
 */
export function shownPowerKw(state: VehicleState): number | undefined {
  if (isDriving(gearLetter(state))) return packPowerKw(state);
  if (isCharging(state)) return Math.min(0, chargingPowerKw(state) ?? packPowerKw(state) ?? 0);
  return packPowerKw(state) ?? 0;
}

/** In D, R or N. */
export function isInDrive(state: VehicleState): boolean {
  return isDriving(gearLetter(state));
}

function isDriving(shift: ShiftLetter | undefined): boolean {
  return shift !== undefined && shift !== 'P';
}

function gearLetter({ readings }: VehicleState): ShiftLetter | undefined {
  const letter = enumTailOf(readings.get('Gear')?.value, 'ShiftState');
  return letter !== undefined && SHIFT_LETTERS.has(letter) ? (letter as ShiftLetter) : undefined;
}

/**
 * By DetailedChargeState if the vehicle sends it, else by ChargeState. In old configurations ChargeState is the state of
 * the charger itself (Idle, QualifyLineConfig, Startup, Enable, Shutdown, ClearFaults, SystemConfig), which does not show
 * whether it charges. Then power that flows in while parked does.
 */
export function isCharging(state: VehicleState): boolean {
  const { readings } = state;
  const detailed = enumTailOf(readings.get('DetailedChargeState')?.value, 'DetailedChargeState');
  const isKnown = detailed !== undefined && detailed !== 'Unknown';
  const charge = isKnown ? detailed : enumTailOf(readings.get('ChargeState')?.value, 'ChargeState');
  if (charge !== undefined && CHARGE_STATES.has(charge)) return charge === 'Charging' || charge === 'Starting';
  return !isInDrive(state) && inflowKw(state, charge) >= MIN_CHARGE_KW;
}

/** Into the battery; 0 if unknown. */
function inflowKw(state: VehicleState, chargeState: string | undefined): number {
  const charging = chargingPowerKw(state);
  if (charging !== undefined) return -charging;
  return isPackCurrentOfCharger(state, chargeState) ? -(packPowerKw(state) ?? 0) : 0;
}

/** The last current of a drive, which stays until the vehicle sends another, can be that of regeneration. */
function isPackCurrentOfCharger({ readings }: VehicleState, chargeState: string | undefined): boolean {
  if (chargeState === undefined || !CHARGER_STATES.has(chargeState)) return false;
  const [gearMs, currentMs] = ['Gear', 'PackCurrent'].map((name) => readings.get(name)?.timeMs);
  return chargeState !== 'Idle' || gearMs === undefined || (currentMs !== undefined && currentMs >= gearMs);
}

/** Negative: the larger of AC and DC. */
function chargingPowerKw({ readings }: VehicleState): number | undefined {
  const ac = plausibleKw(numberOf(readings.get('ACChargingPower')?.value));
  const dc = plausibleKw(numberOf(readings.get('DCChargingPower')?.value));
  if (ac === undefined && dc === undefined) return undefined;
  return -Math.max(ac ?? dc!, dc ?? ac!);
}

/** PackCurrent is negative while the pack discharges, so consumption is minus the product. */
function packPowerKw({ readings }: VehicleState): number | undefined {
  const volts = numberOf(readings.get('PackVoltage')?.value);
  const amperes = numberOf(readings.get('PackCurrent')?.value);
  return volts === undefined || amperes === undefined ? undefined : plausibleKw((-volts * amperes) / 1000);
}

function plausibleKw(kw: number | undefined): number | undefined {
  return kw !== undefined && Math.abs(kw) <= MAX_KW ? kw : undefined;
}
