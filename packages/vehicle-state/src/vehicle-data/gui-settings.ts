// gui_settings of the vehicle_data document: how the car's screen shows values. The document's own units never change.
import type { Row, Source } from './field.js';
import { flag, from, tailOf, word } from './sources.js';

const DISTANCE = { Miles: 'mi/hr', Kilometers: 'km/hr' } as const;

export const guiSettings: readonly Row[] = [
  ['gui_24_hour_time', 'boolean', flag('Setting24HourTime'), { seed: 'last', otherwise: true }],
  ['gui_charge_rate_units', 'text', chargeRateUnits(), { seed: 'last', otherwise: 'kW' }],
  ['gui_distance_units', 'text', distanceUnits(), { seed: 'last', otherwise: 'mi/hr' }],
  ['gui_range_display', 'text', undefined, { seed: 'last', otherwise: 'Rated' }],
  [
    'gui_temperature_units',
    'text',
    word('SettingTemperatureUnit', 'TemperatureUnit', { Fahrenheit: 'F', Celsius: 'C', '*': undefined }),
    { seed: 'last', otherwise: 'C' },
  ],
  [
    'gui_tirepressure_units',
    'text',
    word('SettingTirePressureUnit', 'PressureUnit', { Psi: 'Psi', Bar: 'Bar', '*': undefined }),
    { seed: 'last', otherwise: 'Bar' },
  ],
  ['show_range_units', 'boolean', undefined, { seed: 'last', otherwise: false }],
];

function distanceUnits(): Source {
  return word('SettingDistanceUnit', 'DistanceUnit', { ...DISTANCE, '*': undefined });
}

/** A unit of distance means the car's own; Tesla has no text for per cent, so the seed's stays. */
function chargeRateUnits(): Source {
  return from(['SettingChargeUnit', 'SettingDistanceUnit'], (facts) =>
    tailOf(facts, 'SettingChargeUnit', 'ChargeUnit') === 'Distance' ? distanceUnits().read(facts) : undefined,
  );
}
