// A telemetry configuration as Tesla's API takes it, spelled as there. Only `fields` decides what a vehicle sends when.
import { Field } from '@fleetbridge/protocol';

export type SignalName = keyof typeof Field;

export interface TelemetryConfig {
  /** By the name of a signal. */
  readonly fields: Readonly<Record<string, TelemetryField>>;
}

export interface TelemetryField {
  /** At least 1. A signal is sent when its value has changed and this time has passed. */
  readonly interval_seconds: number;
  /** The smallest change of a number that is sent; metres for Location. 0: any change. */
  readonly minimum_delta?: number;
  /** The value is sent again after this time, changed or not. */
  readonly resend_interval_seconds?: number;
  /** Signals whose present values are added to each record of this one, changed or not. */
  readonly include_fields?: readonly string[];
}

/** Signals and intervals as in docs/tesla.md, as far as the simulated vehicle has them. */
export const defaultTelemetry: TelemetryConfig = {
  fields: {
    Location: { interval_seconds: 1 },
    VehicleSpeed: { interval_seconds: 1 },
    Gear: { interval_seconds: 1 },
    GpsHeading: { interval_seconds: 1 },
    PackVoltage: { interval_seconds: 2 },
    PackCurrent: { interval_seconds: 2 },
    Odometer: { interval_seconds: 10 },
    Soc: { interval_seconds: 30 },
    BatteryLevel: { interval_seconds: 30 },
    RatedRange: { interval_seconds: 60 },
    EstBatteryRange: { interval_seconds: 60 },
    EnergyRemaining: { interval_seconds: 60 },
    DetailedChargeState: { interval_seconds: 10 },
    ACChargingPower: { interval_seconds: 10 },
    ACChargingEnergyIn: { interval_seconds: 30 },
    DCChargingPower: { interval_seconds: 10 },
    DCChargingEnergyIn: { interval_seconds: 30 },
    ChargerVoltage: { interval_seconds: 10 },
    ChargeAmps: { interval_seconds: 10 },
    ChargerPhases: { interval_seconds: 30 },
    ChargeCurrentRequest: { interval_seconds: 30 },
    ChargeCurrentRequestMax: { interval_seconds: 30 },
    ChargeLimitSoc: { interval_seconds: 30 },
    TimeToFullCharge: { interval_seconds: 30 },
    ChargePortDoorOpen: { interval_seconds: 30 },
    FastChargerPresent: { interval_seconds: 30 },
    FastChargerType: { interval_seconds: 30 },
    InsideTemp: { interval_seconds: 30 },
    OutsideTemp: { interval_seconds: 30 },
    Locked: { interval_seconds: 30 },
    DoorState: { interval_seconds: 30 },
    DriverSeatOccupied: { interval_seconds: 30 },
    TpmsPressureFl: { interval_seconds: 600 },
    TpmsPressureFr: { interval_seconds: 600 },
    TpmsPressureRl: { interval_seconds: 600 },
    TpmsPressureRr: { interval_seconds: 600 },
    Version: { interval_seconds: 3600 },
    VehicleName: { interval_seconds: 3600 },
  },
};

/** The configuration without these signals, as for a vehicle whose firmware does not send them. */
export function withoutSignals({ fields }: TelemetryConfig, names: readonly SignalName[]): TelemetryConfig {
  const left = Object.entries(fields).filter(([name]) => !(names as readonly string[]).includes(name));
  return { fields: Object.fromEntries(left) };
}

/** Whether the protocol has a signal of that name. */
export function isSignalName(name: string): name is SignalName {
  return Object.hasOwn(Field, name) && typeof Field[name as SignalName] === 'number';
}
