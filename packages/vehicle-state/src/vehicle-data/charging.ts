// The fields of charge_state that follow from more than one signal.

import { correctedValue } from '../corrected-value.js';
import { isCharging } from '../shift-and-power.js';
import { enumTailOf } from '../signal-reading.js';
import type { Facts, Source } from './field.js';
import { derived, firstNumber, from, rounded, tailOf } from './sources.js';

const CHARGING_STATES = new Set(['Disconnected', 'NoPower', 'Starting', 'Charging', 'Complete', 'Stopped']);
const STATE_SIGNALS = ['DetailedChargeState', 'ChargeState'];
/** On the way from the wall to the battery about 8 % are lost in the charger. */
const AC_EFFICIENCY = 0.92;

/**
 * By DetailedChargeState, else ChargeState. A vehicle that sends neither in these words is charging when power flows in.
 */
export const chargingState: Source = from(STATE_SIGNALS, (facts) => {
  const sent = sentChargingState(facts);
  if (sent !== undefined) return sent;
  if (isCharging(facts.state)) return 'Charging';
  return STATE_SIGNALS.some((name) => facts.state.readings.has(name)) ? 'Disconnected' : undefined;
});

function sentChargingState(facts: Facts): string | undefined {
  for (const name of STATE_SIGNALS) {
    const tail = tailOf(facts, name, name);
    if (tail !== undefined && CHARGING_STATES.has(tail)) return tail;
  }
  return undefined;
}

/** Measured at the battery, for AC too. The charger's counter replaces it, except while DC charging. */
export const energyAddedKwh: Source = from(['DCChargingEnergyIn', 'ACChargingEnergyIn'], (facts) => {
  const atBattery = firstNumber(facts, ['DCChargingEnergyIn']);
  const added = atBattery ?? (isDc(facts) ? undefined : firstNumber(facts, ['ACChargingEnergyIn']));
  return added === undefined ? undefined : rounded(Math.max(0, added), 2);
});

/** kW, of the larger of AC and DC; from the pack when the vehicle sends neither. 0 while not charging. */
export const chargerPowerKw: Source = from(
  ['ACChargingPower', 'DCChargingPower', 'PackVoltage', 'PackCurrent'],
  (facts) => (isCharging(facts.state) ? chargerKw(facts) : 0),
);

function chargerKw(facts: Facts): number | undefined {
  const [ac, dc] = [firstNumber(facts, ['ACChargingPower']), firstNumber(facts, ['DCChargingPower'])];
  const sent = Math.max(ac ?? 0, dc ?? 0);
  if (sent > 0) return sent;
  const packKw = packInflowKw(facts);
  if (packKw === undefined || packKw <= 0) return ac === undefined && dc === undefined ? undefined : 0;
  return isDc(facts) ? packKw : packKw / AC_EFFICIENCY;
}

/** Into the battery; undefined without pack values. */
function packInflowKw(facts: Facts): number | undefined {
  const volts = firstNumber(facts, ['PackVoltage']);
  const amperes = firstNumber(facts, ['PackCurrent']);
  return volts === undefined || amperes === undefined ? undefined : (volts * amperes) / 1000;
}

/** Of the AC line. 0 while not charging and while DC charging. */
export const chargerAmps: Source = from(['ChargeAmps'], (facts) => {
  if (!isCharging(facts.state) || isDc(facts)) return 0;
  return firstNumber(facts, ['ChargeAmps']);
});

/** TeslaMate loses a row with 0 phases. */
export const chargerPhases: Source = from(['ChargerPhases'], (facts) => {
  const phases = firstNumber(facts, ['ChargerPhases']);
  return phases === undefined || Math.round(phases) < 1 || !isCharging(facts.state) || isDc(facts) ? null : phases;
});

/** There is no signal of it. */
export const fastChargerBrand: Source = derived(['FastChargerType'], (facts) => {
  if (!facts.state.readings.has('FastChargerType')) return undefined;
  return tailOf(facts, 'FastChargerType', 'FastCharger') === 'Supercharger' ? 'Tesla' : '<invalid>';
});

export const minutesToFull: Source = from(['TimeToFullCharge'], (facts) => {
  const hours = firstNumber(facts, ['TimeToFullCharge']);
  return hours === undefined ? undefined : hours * 60;
});

/** Range gained in the session; 0 until the vehicle charges. */
export function chargedMiles(...names: string[]): Source {
  return derived(names, (facts) => (firstNumber(facts, names) === undefined ? undefined : 0));
}

/** 0 while the vehicle is not charging. */
export function whileCharging(source: Source): Source {
  return { ...source, read: (facts) => (isCharging(facts.state) ? source.read(facts) : 0) };
}

/** The charger is a DC one. */
export function isDc(facts: Facts): boolean {
  const present = correctedValue(facts.state, 'FastChargerPresent');
  if (present === true || enumTailOf(present, '') === 'true') return true;
  return (firstNumber(facts, ['DCChargingPower']) ?? 0) > (firstNumber(facts, ['ACChargingPower']) ?? 0);
}
