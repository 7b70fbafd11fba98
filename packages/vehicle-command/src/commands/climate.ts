// Commands for heating and cooling.
import { optional, refuse, required } from './parameters.js';
import { field } from './proto3.js';
import { infotainment } from './row.js';

const manualOverride = 'Keep the setting if the vehicle would change it.';

export const climate = [
  infotainment('auto_conditioning_start', {
    summary: 'Start climate control.',
    repeat: 'same',
    message: () => ({ hvacAutoAction: { powerOn: true } }),
  }),
  infotainment('auto_conditioning_stop', {
    summary: 'Stop climate control.',
    repeat: 'same',
    message: () => ({ hvacAutoAction: {} }),
  }),
  infotainment('set_temps', {
    summary: 'Set the target temperatures.',
    repeat: 'same',
    parameters: {
      driver_temp: optional('number', 'Degrees Celsius.'),
      passenger_temp: optional('number', 'Degrees Celsius.'),
    },
    message: ({ driver_temp, passenger_temp }) => ({
      hvacTemperatureAdjustmentAction: {
        level: { TEMP_MAX: {} },
        driverTempCelsius: field(driver_temp),
        passengerTempCelsius: field(passenger_temp),
      },
    }),
  }),
  infotainment('set_preconditioning_max', {
    summary: 'Defrost: maximum heat on all windows.',
    repeat: 'same',
    parameters: { on: required('boolean', 'On or off.'), manual_override: optional('boolean', manualOverride) },
    message: ({ on, manual_override }) => ({
      hvacSetPreconditioningMaxAction: { on: field(on), manualOverride: field(manual_override) },
    }),
  }),
  infotainment('set_climate_keeper_mode', {
    summary: 'Keep climate control on after leaving the vehicle.',
    repeat: 'same',
    parameters: {
      climate_keeper_mode: required('integer', '0 off, 1 on, 2 dog, 3 camp.'),
      manual_override: optional('boolean', manualOverride),
    },
    message: ({ climate_keeper_mode, manual_override }) => ({
      hvacClimateKeeperAction: {
        ClimateKeeperAction: field(climate_keeper_mode),
        manualOverride: field(manual_override),
      },
    }),
  }),
  infotainment('set_bioweapon_mode', {
    summary: 'Filter the air at the highest level.',
    repeat: 'same',
    parameters: { on: required('boolean', 'On or off.'), manual_override: required('boolean', manualOverride) },
    message: ({ on, manual_override }) => ({
      hvacBioweaponModeAction: { on: field(on), manualOverride: field(manual_override) },
    }),
  }),
  infotainment('set_cabin_overheat_protection', {
    summary: 'Protect the cabin from overheating.',
    repeat: 'same',
    parameters: { on: required('boolean', 'On or off.'), fan_only: optional('boolean', 'Without the compressor.') },
    message: ({ on, fan_only }) => ({
      setCabinOverheatProtectionAction: { on: field(on), fanOnly: field(fan_only) },
    }),
  }),
  infotainment('set_cop_temp', {
    summary: 'Set the temperature at which cabin overheat protection starts.',
    repeat: 'same',
    parameters: { cop_temp: required('integer', '1 low (30 °C), 2 medium (35 °C), 3 high (40 °C).') },
    message: ({ cop_temp }) => ({ setCopTempAction: { copActivationTemp: field(cop_temp) } }),
  }),
  infotainment('remote_seat_heater_request', {
    summary: 'Set the heater of a seat.',
    repeat: 'same',
    parameters: {
      seat_position: required(
        'integer',
        '0 front left, 1 front right, 2 rear left, 3 rear left back, 4 rear center, 5 rear right, 6 rear right back, ' +
          '7 third row left, 8 third row right.',
        { alias: 'heater' },
      ),
      level: required('integer', '0 off to 3 high.'),
    },
    message: ({ seat_position, level }) => {
      const seat = seats[seat_position];
      if (seat === undefined) return refuse('plain', 'invalid seat position');
      const heat = { [heaterLevels[level] ?? 'SEAT_HEATER_UNKNOWN']: {}, [seat]: {} };
      return { hvacSeatHeaterActions: { hvacSeatHeaterAction: [heat] } };
    },
  }),
  infotainment('remote_seat_cooler_request', {
    summary: 'Set the ventilation of a seat.',
    repeat: 'same',
    parameters: {
      seat_position: required('integer', '1 front left, 2 front right.'),
      seat_cooler_level: required('integer', '1 off, 2 low, 3 medium, 4 high.'),
    },
    message: ({ seat_position, seat_cooler_level }) =>
      seat_position === 1 || seat_position === 2
        ? {
            hvacSeatCoolerActions: {
              hvacSeatCoolerAction: [{ seatCoolerLevel: field(seat_cooler_level), seatPosition: seat_position }],
            },
          }
        : refuse('plain', 'invalid seat position', 500),
  }),
  infotainment('remote_auto_seat_climate_request', {
    summary: 'Let the vehicle control the climate of a seat.',
    repeat: 'same',
    parameters: {
      auto_seat_position: required('integer', '1 front left, 2 front right.'),
      auto_climate_on: required('boolean', 'On or off.'),
    },
    message: ({ auto_seat_position: position, auto_climate_on }) => ({
      autoSeatClimateAction: {
        carseat: [{ on: field(auto_climate_on), seatPosition: position === 1 || position === 2 ? position : null }],
      },
    }),
  }),
  infotainment('remote_steering_wheel_heater_request', {
    summary: 'Switch the heater of the steering wheel.',
    repeat: 'same',
    parameters: { on: required('boolean', 'On or off.') },
    message: ({ on }) => ({ hvacSteeringWheelHeaterAction: { powerOn: field(on) } }),
  }),
  infotainment('remote_steering_wheel_heat_level_request', {
    summary: 'Set the heater of the steering wheel.',
    repeat: 'same',
    isBeyondProxy: true,
    parameters: { level: required('integer', '1 off, 2 low, 3 high.') },
    message: ({ level }) => ({ steeringWheelHeatLevelAction: { level: field(level) } }),
  }),
  infotainment('remote_auto_steering_wheel_heat_climate_request', {
    summary: 'Let the vehicle control the heater of the steering wheel.',
    repeat: 'same',
    isBeyondProxy: true,
    parameters: { on: required('boolean', 'On or off.') },
    message: ({ on }) => ({ autoSteeringWheelHeatAction: { on: field(on) } }),
  }),
];

const heaterLevels = ['SEAT_HEATER_OFF', 'SEAT_HEATER_LOW', 'SEAT_HEATER_MED', 'SEAT_HEATER_HIGH'];
const seats = [
  'CAR_SEAT_FRONT_LEFT',
  'CAR_SEAT_FRONT_RIGHT',
  'CAR_SEAT_REAR_LEFT',
  'CAR_SEAT_REAR_LEFT_BACK',
  'CAR_SEAT_REAR_CENTER',
  'CAR_SEAT_REAR_RIGHT',
  'CAR_SEAT_REAR_RIGHT_BACK',
  'CAR_SEAT_THIRD_ROW_LEFT',
  'CAR_SEAT_THIRD_ROW_RIGHT',
];
