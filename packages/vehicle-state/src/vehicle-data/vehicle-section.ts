// vehicle_state of the vehicle_data document, without its inner objects (inner-objects.ts).
import { correctedValue } from '../corrected-value.js';
import { isDoorOpen } from './doors.js';
import type { Row, Source } from './field.js';
import { scheduledSeconds } from './scheduled-time.js';
import { derived, flag, from, number, tailOf, text, word } from './sources.js';

const DISPLAY_STATES = [
  'Off',
  'Dim',
  'Accessory',
  'On',
  'Driving',
  'Charging',
  'Lock',
  'Sentry',
  'Dog',
  'Entertainment',
];

export const vehicleState: readonly Row[] = [
  ['allow_authorized_mobile_devices_only', 'boolean', undefined, { seed: 'last', isOptional: true }],
  ['api_version', 'integer', undefined, { seed: 'last', otherwise: 71 }],
  ['autopark_state_v2', 'text', undefined, { seed: 'last', otherwise: 'unavailable' }],
  ['autopark_state_v3', 'text', undefined, { seed: 'last', isOptional: true }],
  ['autopark_style', 'text', undefined, { seed: 'last', isOptional: true }],
  ['calendar_supported', 'boolean', undefined, { seed: 'last', otherwise: true }],
  ['car_version', 'text', text('Version')],
  ['center_display_state', 'integer', displayState()],
  ['dashcam_clip_save_available', 'boolean', undefined, { seed: 'last', otherwise: false }],
  ['dashcam_state', 'text', undefined, { seed: 'last', otherwise: 'Unavailable' }],
  ['df', 'integer', door('DriverFront')],
  ['dr', 'integer', door('DriverRear')],
  ['fd_window', 'integer', window('FdWindow')],
  ['fp_window', 'integer', window('FpWindow')],
  ['feature_bitmask', 'text', undefined, { seed: 'last', isOptional: true }],
  ['ft', 'integer', door('TrunkFront')],
  ['guest_mode', 'boolean', flag('GuestModeEnabled'), { isOptional: true }],
  ['homelink_device_count', 'integer', number('HomelinkDeviceCount'), { isOptional: true }],
  ['homelink_nearby', 'boolean', flag('HomelinkNearby'), { isOptional: true }],
  ['is_user_present', 'boolean', flag('DriverSeatOccupied')],
  ['last_autopark_error', 'text', undefined, { otherwise: 'no_error' }],
  ['locked', 'boolean', flag('Locked')],
  ['notifications_supported', 'boolean', undefined, { seed: 'last', otherwise: true }],
  ['odometer', 'float', number('Odometer')],
  ['parsed_calendar_supported', 'boolean', undefined, { seed: 'last', otherwise: true }],
  ['pf', 'integer', door('PassengerFront')],
  ['pin_to_drive_enabled', 'boolean', flag('PinToDriveEnabled'), { isOptional: true }],
  ['pr', 'integer', door('PassengerRear')],
  ['rd_window', 'integer', window('RdWindow')],
  ['rp_window', 'integer', window('RpWindow')],
  ['remote_start', 'boolean', remoteStart(), { otherwise: false }],
  ['remote_start_enabled', 'boolean', flag('RemoteStartEnabled'), { seed: 'first', otherwise: true }],
  ['remote_start_supported', 'boolean', undefined, { seed: 'last', otherwise: true }],
  ['rt', 'integer', door('TrunkRear')],
  ['santa_mode', 'integer', undefined, { otherwise: 0 }],
  ['sentry_mode', 'boolean', sentryMode(), { otherwise: false }],
  ['sentry_mode_available', 'boolean', undefined, { seed: 'last', otherwise: true }],
  ['service_mode', 'boolean', flag('ServiceMode'), { otherwise: false }],
  ['service_mode_plus', 'boolean', undefined, { seed: 'last', otherwise: false }],
  ['smart_summon_available', 'boolean', undefined, { seed: 'last', otherwise: false }],
  ['summon_standby_mode_enabled', 'boolean', undefined, { seed: 'last', otherwise: false }],
  ['sun_roof_percent_open', 'integer', undefined, { seed: 'last', isOptional: true }],
  ['sun_roof_state', 'text', undefined, { seed: 'last', isOptional: true }],
  ['tonneau_in_motion', 'boolean', undefined, { seed: 'last', isOptional: true }],
  ['tonneau_percent_open', 'integer', number('TonneauOpenPercent'), { isOptional: true }],
  ['tonneau_state', 'integer', tonneau(), { isOptional: true }],
  ...['fl', 'fr', 'rl', 'rr'].flatMap(tyre),
  ['tpms_rcp_front_value', 'float', undefined, { seed: 'last', otherwise: 2.9 }],
  ['tpms_rcp_rear_value', 'float', undefined, { seed: 'last', otherwise: 2.9 }],
  ['valet_mode', 'boolean', flag('ValetModeEnabled'), { otherwise: false }],
  ['valet_pin_needed', 'boolean', undefined, { seed: 'last', otherwise: false }],
  ['vehicle_name', 'text', text('VehicleName'), { seed: 'last' }],
  ['vehicle_self_test_progress', 'integer', undefined, { otherwise: 0 }],
  ['vehicle_self_test_requested', 'boolean', undefined, { otherwise: false }],
  ['webcam_available', 'boolean', undefined, { seed: 'last', otherwise: false }],
];

/** REST numbers the states from Off. */
function displayState(): Source {
  return from(['CenterDisplay'], (facts) => {
    const index = DISPLAY_STATES.indexOf(tailOf(facts, 'CenterDisplay', 'DisplayState') ?? '');
    return index < 0 ? undefined : index;
  });
}

function door(name: Parameters<typeof isDoorOpen>[1]): Source {
  return from(['DoorState', 'Version'], ({ state }) => {
    const isOpen = isDoorOpen(state, name);
    return isOpen === undefined ? undefined : Number(isOpen);
  });
}

function window(name: string): Source {
  return word(name, 'WindowState', { Closed: 0, PartiallyOpen: 1, Opened: 1, '*': undefined });
}

/** Firmware before 2026.32 has only the second signal, which is true while driving without a key. */
function remoteStart(): Source {
  const signals = ['RemoteStartActive', 'RemoteStartEnabled'];
  return from(signals, (facts) => flag(signals[0]!).read(facts) ?? flag(signals[1]!).read(facts));
}

/** Armed or not: every state but Off. */
function sentryMode(): Source {
  return from(['SentryMode'], (facts) => {
    const state = tailOf(facts, 'SentryMode', 'SentryModeState');
    return state === undefined ? flag('SentryMode').read(facts) : state !== 'Off' && state.toLowerCase() !== 'false';
  });
}

/** In the order of the protocol's enum; REST's numbers are not documented. */
function tonneau(): Source {
  const states = ['Invalid', 'Closed', 'PartiallyOpen', 'FullyOpen'];
  return from(['TonneauPosition'], (facts) => {
    const index = states.indexOf(tailOf(facts, 'TonneauPosition', 'TonneauPositionState') ?? '');
    return index < 0 ? undefined : index;
  });
}

function tyre(place: string): Row[] {
  const suffix = `${place[0]!.toUpperCase()}${place[1]}`;
  return [
    [`tpms_hard_warning_${place}`, 'boolean', tyreWarning('TpmsHardWarnings', place), { otherwise: false }],
    [
      `tpms_last_seen_pressure_time_${place}`,
      'seconds',
      scheduledSeconds(`TpmsLastSeenPressureTime${suffix}`),
      { isOptional: true },
    ],
    [`tpms_pressure_${place}`, 'float', number(`TpmsPressure${suffix}`)],
    [`tpms_soft_warning_${place}`, 'boolean', tyreWarning('TpmsSoftWarnings', place), { otherwise: false }],
  ];
}

const PLACES: Readonly<Record<string, string>> = {
  fl: 'front_left',
  fr: 'front_right',
  rl: 'rear_left',
  rr: 'rear_right',
};

/** The signal lists the tyres; a tyre that it lacks has no warning. */
function tyreWarning(name: string, place: string): Source {
  return derived([name], ({ state }) => {
    const value = correctedValue(state, name);
    if (typeof value !== 'object' || value === null) return undefined;
    const tyres = value as Readonly<Record<string, unknown>>;
    const key = PLACES[place]!;
    return (tyres[key] ?? tyres[camelCased(key)]) === true;
  });
}

function camelCased(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}
