// The energy of the current or last charging session. It needs the records in the log's order, unlike everything else of a
// state: a reader that follows the log calls `advanceCharging` after each merge, and the session remembers up to which entry.
//
// Vehicles count the energy themselves, but their counters restart with a session or not, begin above 0, restart in
// mid-session, step back a little, or never come. So the first value of a session and each restart are anchored to the
// energy that flowed into the pack, and between them the counter decides.
import { isAfter } from '@fleetbridge/protocol';
import { type ChargingSession, type EnergyCounter, nextCounter } from './charging-energy.js';
import { signalNumber } from './corrected-value.js';
import { isCharging } from './shift-and-power.js';
import { booleanOf } from './signal-reading.js';
import type { VehicleRecord, VehicleState } from './state.js';

/** Share of the energy at the charger that arrives in the battery. */
export const AC_EFFICIENCY = 0.92;
/** A vehicle that charges sends something every half minute. Beyond this it is unknown what flowed. */
const LONGEST_GAP_MS = 600_000;
/** A session that stops for less continues. */
const PAUSE_MS = 120_000;
/** For vehicles that send the current of the pack alone. */
const NOMINAL_PACK_VOLTS = 360;

/** Counts a record that was just merged. Returns whether the session changed. */
export function advanceCharging(state: VehicleState, { entryId, timeMs, decoded }: VehicleRecord): boolean {
  if (decoded.topic !== 'V') return false;
  const session = state.charging;
  if (session && !isAfter(entryId, session.upTo)) return false;
  const isNow = isCharging(state);
  if (!isNow && !session?.isCharging) return false;
  const base = session !== undefined && continues(session, timeMs) ? session : newSession(state, session, timeMs);
  const next: ChargingSession = {
    ...base,
    upTo: entryId,
    isCharging: isNow,
    isDc: isNow ? isDcCharging(state) : base.isDc,
  };
  const elapsedMs = timeMs - base.timeMs;
  if (base.isCharging && elapsedMs > 0) {
    next.packKwh += (base.powerKw * Math.min(elapsedMs, LONGEST_GAP_MS)) / 3_600_000;
  }
  next.timeMs = Math.max(timeMs, base.timeMs);
  next.powerKw = isNow ? Math.max(0, packInflowKw(state) ?? 0) : 0;
  next.dc = counted(state, 'DCChargingEnergyIn', { entryId, session: next, counter: base.dc, share: 1 });
  next.ac = counted(state, 'ACChargingEnergyIn', { entryId, session: next, counter: base.ac, share: AC_EFFICIENCY });
  next.shownKwh = Math.max(base.shownKwh, energyOf(next));
  state.charging = next;
  return true;
}

/** kWh at the battery, and whether they follow from the power of the pack alone. */
export function energyAdded({ charging }: Readonly<VehicleState>): { kwh: number; isDerived: boolean } | undefined {
  return charging && { kwh: charging.shownKwh, isDerived: counterOf(charging) === null };
}

/** Between two values of the counter the energy continues with the power of the pack. */
function energyOf(session: ChargingSession): number {
  const counter = counterOf(session);
  if (counter === null) return session.packKwh;
  const share = counter === session.dc ? 1 : AC_EFFICIENCY;
  return counter.addedKwh + (session.packKwh - counter.packKwh) / share;
}

function counterOf({ dc, ac, isDc }: ChargingSession): EnergyCounter | null {
  return dc ?? (isDc ? null : ac);
}

/** The charger is a DC one. */
export function isDcCharging(state: Readonly<VehicleState>): boolean {
  if (booleanOf(state.readings.get('FastChargerPresent')?.value) === true) return true;
  return (signalNumber(state, 'DCChargingPower') ?? 0) > (signalNumber(state, 'ACChargingPower') ?? 0);
}

/** Into the pack; from the charger where the vehicle sends no current of the pack. undefined: unknown. */
export function packInflowKw(state: Readonly<VehicleState>): number | undefined {
  const number = (name: string) => signalNumber(state, name);
  const amperes = number('PackCurrent');
  if (amperes !== undefined) return ((number('PackVoltage') ?? NOMINAL_PACK_VOLTS) * amperes) / 1000;
  const dc = number('DCChargingPower');
  if (dc !== undefined && dc > 0) return dc;
  const ac = number('ACChargingPower');
  if (ac !== undefined) return ac * AC_EFFICIENCY;
  const [volts, amps, phases] = [number('ChargerVoltage'), number('ChargeAmps'), number('ChargerPhases')];
  if (volts === undefined || amps === undefined) return undefined;
  return (volts * amps * Math.max(1, phases ?? 1) * AC_EFFICIENCY) / 1000;
}

function continues(session: ChargingSession, timeMs: number): boolean {
  return session.isCharging || timeMs - session.timeMs < PAUSE_MS;
}

function newSession(state: VehicleState, before: ChargingSession | undefined, timeMs: number): ChargingSession {
  return {
    upTo: '0-0',
    isCharging: false,
    isDc: false,
    // the first record of all may come in mid-session
    startMs: before === undefined && !hasOlderReading(state, timeMs) ? null : timeMs,
    timeMs,
    powerKw: 0,
    packKwh: 0,
    shownKwh: 0,
    dc: null,
    ac: null,
    ratedMiles: signalNumber(state, 'RatedRange') ?? null,
    idealMiles: signalNumber(state, 'IdealBatteryRange') ?? signalNumber(state, 'RatedRange') ?? null,
  };
}

function hasOlderReading({ readings }: VehicleState, timeMs: number): boolean {
  for (const reading of readings.values()) if (reading.timeMs < timeMs) return true;
  return false;
}

interface Counting {
  entryId: string;
  session: ChargingSession;
  counter: EnergyCounter | null;
  /** Of the counted energy that arrives in the pack. */
  share: number;
}

function counted(state: VehicleState, name: string, { entryId, session, counter, share }: Counting) {
  const reading = state.readings.get(name);
  const value = signalNumber(state, name);
  if (reading?.entryId !== entryId || value === undefined || value < 0) return counter;
  return nextCounter(counter, { value, session, share });
}
