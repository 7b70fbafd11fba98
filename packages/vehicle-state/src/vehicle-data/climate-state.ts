// climate_state of the vehicle_data document.

import { correctedValue } from '../corrected-value.js';
import { booleanOf } from '../signal-reading.js';
import type { Facts, Row, Source } from './field.js';
import { decimal, derived, flag, from, number, only, tailOf, word } from './sources.js';

const KEEPER_MODES = { Off: 'off', On: 'on', Dog: 'dog', Party: 'camp', '*': undefined };
const DEFROST_MODES = { Off: 0, Normal: 1, Max: 2, AutoDefog: 3 };

export const climateState: readonly Row[] = [
  ['allow_cabin_overheat_protection', 'boolean', undefined, { seed: 'last', otherwise: true }],
  ['auto_seat_climate_left', 'boolean', flag('AutoSeatClimateLeft'), { isOptional: true }],
  ['auto_seat_climate_right', 'boolean', flag('AutoSeatClimateRight'), { isOptional: true }],
  ['auto_steering_wheel_heat', 'boolean', flag('HvacSteeringWheelHeatAuto'), { isOptional: true }],
  ['battery_heater', 'boolean', flag('BatteryHeaterOn'), { otherwise: false }],
  ['battery_heater_no_power', 'boolean', flag('NotEnoughPowerToHeat')],
  ['bioweapon_mode', 'boolean', undefined, { seed: 'last', otherwise: false }],
  [
    'cabin_overheat_protection',
    'text',
    word('CabinOverheatProtectionMode', 'CabinOverheatProtectionModeState', only('Off', 'On', 'FanOnly')),
    { isOptional: true },
  ],
  ['cabin_overheat_protection_actively_cooling', 'boolean', hvacIs('OverheatProtect'), { isOptional: true }],
  [
    'climate_keeper_mode',
    'text',
    word('ClimateKeeperMode', 'ClimateKeeperModeState', KEEPER_MODES),
    { otherwise: 'off' },
  ],
  [
    'cop_activation_temperature',
    'text',
    word(
      'CabinOverheatProtectionTemperatureLimit',
      'ClimateOverheatProtectionTempLimit',
      only('Low', 'Medium', 'High'),
    ),
    { isOptional: true },
  ],
  [
    'defrost_mode',
    'integer',
    word('DefrostMode', 'DefrostModeState', { ...DEFROST_MODES, '*': undefined }),
    { otherwise: 0 },
  ],
  ['driver_temp_setting', 'float', temperature('driver')],
  ['fan_status', 'integer', number('HvacFanStatus')],
  ['hvac_auto_request', 'text', word('HvacAutoMode', 'HvacAutoModeState'), { isOptional: true }],
  ['inside_temp', 'float', decimal(1, 'InsideTemp')],
  ['is_auto_conditioning_on', 'boolean', hvacIs('On', 'Precondition')],
  ['is_climate_on', 'boolean', hvacIs('On', 'Precondition')],
  ['is_front_defroster_on', 'boolean', frontDefroster(), { otherwise: false }],
  ['is_preconditioning', 'boolean', hvacIs('Precondition'), { otherwise: false }],
  ['is_rear_defroster_on', 'boolean', flag('RearDefrostEnabled'), { otherwise: false }],
  ['left_temp_direction', 'integer', undefined, { otherwise: 0 }],
  ['max_avail_temp', 'float', undefined, { seed: 'last', otherwise: 28 }],
  ['min_avail_temp', 'float', undefined, { seed: 'last', otherwise: 15 }],
  ['outside_temp', 'float', decimal(1, 'OutsideTemp')],
  ['passenger_temp_setting', 'float', temperature('passenger')],
  ['remote_heater_control_enabled', 'boolean', undefined, { otherwise: false }],
  ['right_temp_direction', 'integer', undefined, { otherwise: 0 }],
  ['seat_fan_front_left', 'integer', number('ClimateSeatCoolingFrontLeft'), { isOptional: true }],
  ['seat_fan_front_right', 'integer', number('ClimateSeatCoolingFrontRight'), { isOptional: true }],
  ['seat_heater_left', 'integer', number('SeatHeaterLeft')],
  ['seat_heater_rear_center', 'integer', number('SeatHeaterRearCenter'), { isOptional: true }],
  ['seat_heater_rear_left', 'integer', number('SeatHeaterRearLeft'), { isOptional: true }],
  ['seat_heater_rear_right', 'integer', number('SeatHeaterRearRight'), { isOptional: true }],
  ['seat_heater_right', 'integer', number('SeatHeaterRight')],
  ['seat_heater_rear_left_back', 'integer', undefined, { seed: 'last', isOptional: true }],
  ['seat_heater_rear_right_back', 'integer', undefined, { seed: 'last', isOptional: true }],
  ['seat_heater_third_row_left', 'integer', undefined, { seed: 'last', isOptional: true }],
  ['seat_heater_third_row_right', 'integer', undefined, { seed: 'last', isOptional: true }],
  ['side_mirror_heaters', 'boolean', undefined, { otherwise: false }],
  ['steering_wheel_heat_level', 'integer', number('HvacSteeringWheelHeatLevel'), { isOptional: true }],
  ['steering_wheel_heater', 'boolean', steeringWheelHeater(), { isOptional: true }],
  ['supports_fan_only_cabin_overheat_protection', 'boolean', undefined, { seed: 'last', otherwise: true }],
  ['wiper_blade_heater', 'boolean', flag('WiperHeatEnabled'), { otherwise: false }],
];

function hvacIs(...states: string[]): Source {
  return from(['HvacPower'], (facts) => {
    const state = tailOf(facts, 'HvacPower', 'HvacPowerState');
    return state === undefined ? undefined : states.includes(state);
  });
}

function frontDefroster(): Source {
  return derived(['DefrostMode'], (facts) => {
    const mode = tailOf(facts, 'DefrostMode', 'DefrostModeState');
    return mode === undefined ? undefined : mode !== 'Off';
  });
}

function steeringWheelHeater(): Source {
  return derived(['HvacSteeringWheelHeatLevel'], (facts) => {
    const level = number('HvacSteeringWheelHeatLevel').read(facts);
    return typeof level === 'number' ? level > 0 : undefined;
  });
}

/** The driver sits on the right in some countries. */
function temperature(seat: 'driver' | 'passenger'): Source {
  const left = decimal(1, 'HvacLeftTemperatureRequest', 'HvacRightTemperatureRequest');
  const right = decimal(1, 'HvacRightTemperatureRequest', 'HvacLeftTemperatureRequest');
  return from([...left.signals, 'RightHandDrive'], (facts) =>
    ((seat === 'driver') === isRightHandDrive(facts) ? right : left).read(facts),
  );
}

function isRightHandDrive({ state, seed }: Facts): boolean {
  return booleanOf(correctedValue(state, 'RightHandDrive')) ?? seed.sections.vehicle_config?.rhd === true;
}
