// The fields of charge_state that follow from more than one signal.

import { AC_EFFICIENCY, energyAdded, isDcCharging, packInflowKw } from '../charging-session.js';
import { isCharging } from '../shift-and-power.js';
import type { Facts, Source } from './field.js';
import { derived, firstNumber, from, rounded, tailOf } from './sources.js';

const CHARGING_STATES = new Set(['Disconnected', 'NoPower', 'Starting', 'Charging', 'Complete', 'Stopped']);
const STATE_SIGNALS = ['DetailedChargeState', 'ChargeState'];

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

/**
 * Measured at the battery, for AC too; the charger's counter replaces it, except while DC charging. Computed from the power
 * of the pack where the vehicle sends neither.
 */
export const energyAddedKwh: Source = {
  signals: ['DCChargingEnergyIn', 'ACChargingEnergyIn', 'PackVoltage', 'PackCurrent'],
  isDerived: ({ state }) => energyAdded(state)?.isDerived === true,
  read: (facts) => {
    const session = energyAdded(facts.state);
    if (session) return rounded(session.kwh, 2);
    // no session was seen since the log begins
    const atBattery = firstNumber(facts, ['DCChargingEnergyIn']);
    const added = atBattery ?? (isDc(facts) ? undefined : firstNumber(facts, ['ACChargingEnergyIn']));
    return added === undefined ? undefined : rounded(Math.max(0, added), 2);
  },
};

/** kW, of the larger of AC and DC; from the pack when the vehicle sends neither. 0 while not charging. */
export const chargerPowerKw: Source = {
  signals: ['ACChargingPower', 'DCChargingPower', 'PackVoltage', 'PackCurrent'],
  isDerived: (facts) => isCharging(facts.state) && !(sentKw(facts) > 0),
  read: (facts) => (isCharging(facts.state) ? chargerKw(facts) : 0),
};

function chargerKw(facts: Facts): number | undefined {
  const sent = sentKw(facts);
  if (sent > 0) return sent;
  const packKw = packInflowKw(facts.state);
  if (packKw === undefined || packKw <= 0) return Number.isNaN(sent) ? undefined : 0;
  return isDc(facts) ? packKw : packKw / AC_EFFICIENCY;
}

/** Of the larger of AC and DC; NaN if the vehicle sends neither. */
function sentKw(facts: Facts): number {
  const [ac, dc] = [firstNumber(facts, ['ACChargingPower']), firstNumber(facts, ['DCChargingPower'])];
  return ac === undefined && dc === undefined ? Number.NaN : Math.max(ac ?? 0, dc ?? 0);
}

/** Of the AC line. 0 while not charging and while DC charging. */
export const chargerAmps: Source = from(
  ['ChargeAmps', 'ChargerVoltage', 'ChargerPhases', 'ACChargingPower'],
  (facts) => {
    if (!isCharging(facts.state) || isDc(facts)) return 0;
    const sent = firstNumber(facts, ['ChargeAmps']);
    if (sent !== undefined) return sent;
    const [volts, phases, kw] = [
      firstNumber(facts, ['ChargerVoltage']),
      firstNumber(facts, ['ChargerPhases']),
      chargerKw(facts),
    ];
    return volts === undefined || kw === undefined || volts < 50
      ? undefined
      : (kw * 1000) / (volts * Math.max(1, phases ?? 1));
  },
);

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

/** Range gained in the session. */
export function chargedMiles(start: 'ratedMiles' | 'idealMiles', ...names: string[]): Source {
  return derived(names, (facts) => {
    const [now, then] = [firstNumber(facts, names), facts.state.charging?.[start]];
    return now === undefined || then === undefined || then === null ? undefined : rounded(Math.max(0, now - then), 2);
  });
}

/** 0 while the vehicle is not charging. */
export function whileCharging(source: Source): Source {
  return { ...source, read: (facts) => (isCharging(facts.state) ? source.read(facts) : 0) };
}

function isDc(facts: Facts): boolean {
  return isDcCharging(facts.state);
}
