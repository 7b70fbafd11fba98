// Which telemetry signal shows that a command was executed. A value proves it only if it was received after the command
// was sent.
import type { PreparedCommand } from './table.js';

export interface Confirmation {
  /** Name of the signal, e.g. `Locked`. */
  signal: string;
  isConfirmedBy(value: unknown): boolean;
}

/** Each of them is a proof on its own; empty if no signal shows the command. */
export function confirmationsOf({ row, values }: Pick<PreparedCommand, 'row' | 'values'>): Confirmation[] {
  return confirmations[row.name]?.(values) ?? [];
}

const confirmations: Record<string, (values: PreparedCommand['values']) => Confirmation[]> = {
  door_lock: () => [oneOf('Locked', 'true')],
  door_unlock: () => [oneOf('Locked', 'false')],
  charge_start: () => chargeState('Charging', 'Starting'),
  charge_stop: () => chargeState('Stopped', 'Complete', 'Disconnected'),
  charge_port_door_open: () => [oneOf('ChargePortDoorOpen', 'true')],
  charge_port_door_close: () => [oneOf('ChargePortDoorOpen', 'false')],
  set_charge_limit: ({ percent }) => [oneOf('ChargeLimitSoc', String(percent))],
  set_charging_amps: ({ charging_amps }) => [oneOf('ChargeCurrentRequest', String(charging_amps))],
  auto_conditioning_start: () => [oneOf('HvacPower', 'On', 'Precondition')],
  auto_conditioning_stop: () => [oneOf('HvacPower', 'Off')],
  set_climate_keeper_mode: ({ climate_keeper_mode: mode }) => {
    const name = ['Off', 'On', 'Dog', 'Party'][Number(mode)];
    return name === undefined ? [] : [oneOf('ClimateKeeperMode', name)];
  },
  set_cabin_overheat_protection: ({ on, fan_only }) => [
    oneOf('CabinOverheatProtectionMode', on ? (fan_only ? 'FanOnly' : 'On') : 'Off'),
  ],
  set_sentry_mode: ({ on }) => [
    on ? oneOf('SentryMode', 'Idle', 'Armed', 'Aware', 'Panic', 'Quiet') : oneOf('SentryMode', 'Off'),
  ],
  set_valet_mode: ({ on }) => [oneOf('ValetModeEnabled', String(on))],
  guest_mode: ({ enable }) => [oneOf('GuestModeEnabled', String(enable))],
  set_pin_to_drive: ({ on }) => [oneOf('PinToDriveEnabled', String(on))],
  speed_limit_activate: () => [oneOf('SpeedLimitMode', 'true')],
  speed_limit_deactivate: () => [oneOf('SpeedLimitMode', 'false')],
  set_vehicle_name: ({ vehicle_name }) => [oneOf('VehicleName', String(vehicle_name))],
};

function chargeState(...states: string[]): Confirmation[] {
  return [oneOf('DetailedChargeState', ...states), oneOf('ChargeState', ...states)];
}

/** Enum names end in the state (`SentryModeStateArmed`); old vehicles send booleans and numbers as text. */
function oneOf(signal: string, ...expected: string[]): Confirmation {
  const names = new Set(expected.map((text) => text.toLowerCase()));
  return {
    signal,
    isConfirmedBy: (value) => {
      const text = String(value).toLowerCase();
      return names.has(text) || names.has(text.replace(/^[a-z]*state(?=[a-z])/, ''));
    },
  };
}
