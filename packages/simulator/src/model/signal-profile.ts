// The signals that the vehicle is configured to send, their minimum intervals, and how each is read from the model. The
// intervals are those of docs/protocol/vehicle.md#configuration, profile `teslamate`. A signal is sent when it has changed
// and its interval has passed.

import { type Datum, DetailedChargeState, Field, ShiftState, type Value } from '@fleetbridge/protocol';
import { CAPACITY_KWH, CHARGE_LIMIT_SOC, CHARGER, estimatedRangeMiles, ratedRangeMiles, socOf } from './battery.js';
import { MPS_PER_MPH } from './route.js';
import type { VehicleModel } from './vehicle-model.js';

/** The signals to send now; marks them as sent. */
export function dueSignals(model: VehicleModel): Datum[] {
  const signals: Datum[] = [];
  for (const { field, intervalSeconds, read } of signalProfile) {
    const last = model.sent.get(field);
    if (last !== undefined && model.timeMs - last.timeMs < intervalSeconds * 1000) continue;
    const value = read(model);
    const asText = JSON.stringify(value);
    if (last?.value === asText) continue;
    model.sent.set(field, { timeMs: model.timeMs, value: asText });
    signals.push({ key: field, value });
  }
  return signals;
}

export interface ProfiledSignal {
  readonly field: number;
  readonly intervalSeconds: number;
  readonly read: (model: VehicleModel) => Value;
}

const isDriving = ({ motion }: VehicleModel) => motion.gear !== 'P';
const isPluggedIn = ({ chargeState }: VehicleModel) => chargeState !== 'Disconnected';
const isCharging = ({ chargeState }: VehicleModel) => chargeState === 'Charging';
/** Tyres warm up while driving. */
const tyreBar = (model: VehicleModel) => (isDriving(model) ? 2.95 : 2.9);

export const signalProfile: readonly ProfiledSignal[] = [
  {
    field: Field.Location,
    intervalSeconds: 1,
    read({ route, motion }) {
      const { latitude, longitude } = route.placeAt(motion.alongM);
      return { locationValue: { latitude: rounded(latitude, 6), longitude: rounded(longitude, 6) } };
    },
  },
  number(Field.VehicleSpeed, 1, 1, ({ motion }) => motion.speedMps / MPS_PER_MPH),
  { field: Field.Gear, intervalSeconds: 1, read: ({ motion }) => ({ shiftStateValue: shiftStates[motion.gear] }) },
  // 359.96 rounds to 360, which is north, which is 0.
  number(Field.GpsHeading, 1, 1, ({ route, motion }) => rounded(route.headingAt(motion.alongM), 1) % 360),
  number(Field.PackVoltage, 2, 1, ({ pack }) => pack.voltageV),
  number(Field.PackCurrent, 2, 1, ({ pack }) => pack.currentA),
  number(Field.Odometer, 10, 3, ({ odometerMiles }) => odometerMiles),
  number(Field.Soc, 30, 2, ({ energyKwh }) => socOf(energyKwh)),
  number(Field.BatteryLevel, 30, 2, ({ energyKwh }) => Math.min(100, socOf(energyKwh) + 0.3)),
  number(Field.RatedRange, 60, 2, ({ energyKwh }) => ratedRangeMiles(energyKwh)),
  number(Field.EstBatteryRange, 60, 2, ({ energyKwh }) => estimatedRangeMiles(energyKwh)),
  number(Field.EnergyRemaining, 60, 2, ({ energyKwh }) => energyKwh),

  {
    field: Field.DetailedChargeState,
    intervalSeconds: 10,
    read: ({ chargeState }) => ({
      detailedChargeStateValue: DetailedChargeState[`DetailedChargeState${chargeState}`],
    }),
  },
  number(Field.ACChargingPower, 10, 2, ({ chargerPowerKw }) => chargerPowerKw),
  number(Field.ACChargingEnergyIn, 30, 2, ({ chargerEnergyKwh }) => chargerEnergyKwh),
  // Mains voltage varies by one or two volts.
  number(Field.ChargerVoltage, 10, 0, (model) =>
    isCharging(model) ? CHARGER.volts + 1.5 * Math.sin(model.timeMs / 40_000) : 0,
  ),
  number(Field.ChargeAmps, 10, 0, (model) => (isCharging(model) ? CHARGER.amps : 0)),
  number(Field.ChargerPhases, 30, 0, (model) => (isCharging(model) ? CHARGER.phases : 0)),
  number(Field.ChargeCurrentRequest, 30, 0, () => CHARGER.amps),
  number(Field.ChargeCurrentRequestMax, 30, 0, () => CHARGER.amps),
  number(Field.ChargeLimitSoc, 30, 0, () => CHARGE_LIMIT_SOC),
  number(Field.TimeToFullCharge, 30, 1, (model) => (isCharging(model) ? hoursToLimit(model) : 0)),
  flag(Field.ChargePortDoorOpen, 30, isPluggedIn),
  flag(Field.FastChargerPresent, 30, () => false),

  number(Field.InsideTemp, 30, 1, ({ insideTempC }) => Math.round(insideTempC * 2) / 2),
  number(Field.OutsideTemp, 30, 1, ({ outsideTempC }) => Math.round(outsideTempC * 2) / 2),
  flag(Field.Locked, 30, (model) => model.phase !== 'drive' || isDriving(model)),
  { field: Field.DoorState, intervalSeconds: 30, read: ({ motion }) => ({ doorValue: doors(motion.isDoorOpen) }) },
  flag(Field.DriverSeatOccupied, 30, ({ phase }) => phase === 'drive'),

  number(Field.TpmsPressureFl, 600, 3, tyreBar),
  number(Field.TpmsPressureFr, 600, 3, tyreBar),
  number(Field.TpmsPressureRl, 600, 3, tyreBar),
  number(Field.TpmsPressureRr, 600, 3, tyreBar),
  text(Field.Version, 3600, '2026.20.6'),
  text(Field.VehicleName, 3600, 'Simulated'),
];

const shiftStates = { P: ShiftState.ShiftStateP, R: ShiftState.ShiftStateR, D: ShiftState.ShiftStateD };

function number(
  field: number,
  intervalSeconds: number,
  decimals: number,
  read: (model: VehicleModel) => number,
): ProfiledSignal {
  return { field, intervalSeconds, read: (model) => ({ doubleValue: rounded(read(model), decimals) }) };
}

function flag(field: number, intervalSeconds: number, read: (model: VehicleModel) => boolean): ProfiledSignal {
  return { field, intervalSeconds, read: (model) => ({ booleanValue: read(model) }) };
}

function text(field: number, intervalSeconds: number, value: string): ProfiledSignal {
  return { field, intervalSeconds, read: () => ({ stringValue: value }) };
}

function doors(isDriverDoorOpen: boolean) {
  return {
    DriverFront: isDriverDoorOpen,
    DriverRear: false,
    PassengerFront: false,
    PassengerRear: false,
    TrunkFront: false,
    TrunkRear: false,
  };
}

function hoursToLimit({ energyKwh, chargerPowerKw }: VehicleModel): number {
  const missingKwh = Math.max(0, (CAPACITY_KWH * CHARGE_LIMIT_SOC) / 100 - energyKwh);
  return missingKwh / Math.max(1, chargerPowerKw);
}

/** Without negative zero, which is equal to zero in JSON but not in protobuf. */
function rounded(value: number, decimals: number): number {
  const factor = 10 ** decimals;
  return Math.round(value * factor) / factor + 0;
}
