// The signals that the vehicle has, and how each is read from the model. When they are sent is up to the telemetry
// configuration (signal-schedule.ts).

import { DetailedChargeState, FastCharger, HvacPowerState, ShiftState, type Value } from '@fleetbridge/protocol';
import { CAPACITY_KWH, estimatedRangeMiles, ratedRangeMiles, socOf } from './battery.js';
import { counterKwh } from './charger.js';
import { MPS_PER_MPH } from './route.js';
import type { SignalName } from './telemetry-config.js';
import type { VehicleModel } from './vehicle-model.js';

/** The present value; undefined for a signal that this vehicle does not have. */
export function readSignal(model: VehicleModel, name: SignalName): Value | undefined {
  return readers[name]?.(model);
}

type Reader = (model: VehicleModel) => Value;

const isDriving = ({ motion }: VehicleModel) => motion.gear !== 'P';
const isPluggedIn = ({ chargeState }: VehicleModel) => chargeState !== 'Disconnected';
const isCharging = ({ chargeState }: VehicleModel) => chargeState === 'Charging';
const isAc = ({ charger }: VehicleModel) => charger.kind === 'ac';
const jitter = ({ charger, random }: VehicleModel, width: number) =>
  charger.options.jitters ? (random() - 0.5) * width : 0;
const counter = (model: VehicleModel, countedKwh: number) =>
  Math.max(0, counterKwh(model.charger, countedKwh, model.addedEnergyKwh) + jitter(model, 0.02));
/** Tyres warm up while driving. */
const tyreBar = (model: VehicleModel) => (isDriving(model) ? 2.95 : 2.9);

const readers: Partial<Record<SignalName, Reader>> = {
  Location({ route, motion }) {
    const { latitude, longitude } = route.placeAt(motion.alongM);
    return { locationValue: { latitude: rounded(latitude, 6), longitude: rounded(longitude, 6) } };
  },
  VehicleSpeed: number(1, ({ motion }) => motion.speedMps / MPS_PER_MPH),
  Gear: ({ motion }) => ({ shiftStateValue: shiftStates[motion.gear] }),
  // 359.96 rounds to 360, which is north, which is 0.
  GpsHeading: number(1, ({ route, motion }) => rounded(route.headingAt(motion.alongM), 1) % 360),
  PackVoltage: number(1, (model) => model.pack.voltageV + jitter(model, 0.2)),
  PackCurrent: number(1, (model) => model.pack.currentA + jitter(model, 0.2)),
  Odometer: number(3, ({ odometerMiles }) => odometerMiles),
  Soc: number(2, ({ energyKwh }) => socOf(energyKwh)),
  BatteryLevel: number(2, ({ energyKwh }) => Math.min(100, socOf(energyKwh) + 0.3)),
  RatedRange: number(2, ({ energyKwh }) => ratedRangeMiles(energyKwh)),
  EstBatteryRange: number(2, ({ energyKwh }) => estimatedRangeMiles(energyKwh)),
  EnergyRemaining: number(2, ({ energyKwh }) => energyKwh),

  DetailedChargeState: ({ chargeState }) => ({
    detailedChargeStateValue: DetailedChargeState[`DetailedChargeState${chargeState}`],
  }),
  ACChargingPower: number(2, (model) =>
    isAc(model) && isCharging(model) ? model.chargerPowerKw + jitter(model, 0.04) : 0,
  ),
  ACChargingEnergyIn: number(2, (model) => (isAc(model) ? counter(model, model.chargerEnergyKwh) : 0)),
  DCChargingPower: number(2, (model) =>
    !isAc(model) && isCharging(model) ? model.chargerPowerKw + jitter(model, 0.04) : 0,
  ),
  DCChargingEnergyIn: number(2, (model) => counter(model, model.addedEnergyKwh)),
  // Mains voltage varies by one or two volts. At a fast charger the car measures about 2 V.
  ChargerVoltage: number(0, (model) => {
    if (!isCharging(model)) return 0;
    return isAc(model) ? model.charger.volts + 1.5 * Math.sin(model.timeMs / 40_000) : 2;
  }),
  ChargeAmps: number(0, (model) => (isCharging(model) ? model.charger.amps : 0)),
  ChargerPhases: number(0, (model) => (isCharging(model) ? model.charger.phases : 0)),
  ChargeCurrentRequest: number(0, ({ charger }) => charger.amps),
  ChargeCurrentRequestMax: number(0, ({ charger }) => charger.amps),
  ChargeLimitSoc: number(0, ({ chargeLimitSoc }) => chargeLimitSoc),
  TimeToFullCharge: number(1, (model) => (isCharging(model) ? hoursToLimit(model) : 0)),
  ChargePortDoorOpen: flag(isPluggedIn),
  FastChargerPresent: flag((model) => !isAc(model) && isPluggedIn(model)),
  FastChargerType: (model) => ({
    fastChargerValue:
      !isAc(model) && isPluggedIn(model) ? FastCharger.FastChargerSupercharger : FastCharger.FastChargerSNA,
  }),

  InsideTemp: number(1, ({ insideTempC }) => Math.round(insideTempC * 2) / 2),
  OutsideTemp: number(1, ({ outsideTempC }) => Math.round(outsideTempC * 2) / 2),
  HvacPower: (model) => ({
    hvacPowerValue:
      model.isClimateOn || isDriving(model) ? HvacPowerState.HvacPowerStateOn : HvacPowerState.HvacPowerStateOff,
  }),
  Locked: flag((model) => model.isLocked ?? (model.phase !== 'drive' || isDriving(model))),
  DoorState: ({ motion }) => ({ doorValue: doors(motion.isDoorOpen) }),
  DriverSeatOccupied: flag(({ phase }) => phase === 'drive'),

  TpmsPressureFl: number(3, tyreBar),
  TpmsPressureFr: number(3, tyreBar),
  TpmsPressureRl: number(3, tyreBar),
  TpmsPressureRr: number(3, tyreBar),
  Version: ({ firmware }) => ({ stringValue: firmware }),
  VehicleName: () => ({ stringValue: 'Simulated' }),
};

const shiftStates = { P: ShiftState.ShiftStateP, R: ShiftState.ShiftStateR, D: ShiftState.ShiftStateD };

function number(decimals: number, read: (model: VehicleModel) => number): Reader {
  return (model) => ({ doubleValue: rounded(read(model), decimals) });
}

function flag(read: (model: VehicleModel) => boolean): Reader {
  return (model) => ({ booleanValue: read(model) });
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

function hoursToLimit({ energyKwh, chargerPowerKw, chargeLimitSoc }: VehicleModel): number {
  const missingKwh = Math.max(0, (CAPACITY_KWH * chargeLimitSoc) / 100 - energyKwh);
  return missingKwh / Math.max(1, chargerPowerKw);
}

/** Without negative zero, which is equal to zero in JSON but not in protobuf. */
function rounded(value: number, decimals: number): number {
  const factor = 10 ** decimals;
  return Math.round(value * factor) / factor + 0;
}
