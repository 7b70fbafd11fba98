// Commands for locks, closures, and who may use the vehicle.
import { ClosureMove, RemoteKeyAction } from '../messages/index.js';
import { optional, refuse, required } from './parameters.js';
import { field } from './proto3.js';
import { infotainment, security } from './row.js';

const pin = { pin: required('string', 'Four digits.') };
const password = { password: optional('string', 'PIN of four digits.') };
const onOff = { on: required('boolean', 'On or off.') };

export const access = [
  security('door_lock', {
    summary: 'Lock the vehicle.',
    repeat: 'same',
    message: () => ({ RKEAction: RemoteKeyAction.RKE_ACTION_LOCK }),
  }),
  security('door_unlock', {
    summary: 'Unlock the vehicle.',
    repeat: 'same',
    message: () => ({ RKEAction: RemoteKeyAction.RKE_ACTION_UNLOCK }),
  }),
  security('remote_start_drive', {
    summary: 'Allow driving without a key for two minutes.',
    repeat: 'same',
    message: () => ({ RKEAction: RemoteKeyAction.RKE_ACTION_REMOTE_DRIVE }),
  }),
  security('actuate_trunk', {
    summary: 'Open the front trunk, or open or close the rear trunk.',
    repeat: 'toggle',
    parameters: { which_trunk: optional('string', 'front or rear.') },
    message: ({ which_trunk }) => {
      if (which_trunk === 'front') return { closureMoveRequest: { frontTrunk: ClosureMove.CLOSURE_MOVE_TYPE_MOVE } };
      if (which_trunk === 'rear') return { closureMoveRequest: { rearTrunk: ClosureMove.CLOSURE_MOVE_TYPE_MOVE } };
      return refuse('nominal', 'invalid_value');
    },
  }),
  security('open_tonneau', {
    summary: 'Open the tonneau cover.',
    repeat: 'same',
    message: () => ({ closureMoveRequest: { tonneau: ClosureMove.CLOSURE_MOVE_TYPE_OPEN } }),
  }),
  security('close_tonneau', {
    summary: 'Close the tonneau cover.',
    repeat: 'same',
    message: () => ({ closureMoveRequest: { tonneau: ClosureMove.CLOSURE_MOVE_TYPE_CLOSE } }),
  }),
  security('stop_tonneau', {
    summary: 'Stop the tonneau cover.',
    repeat: 'same',
    message: () => ({ closureMoveRequest: { tonneau: ClosureMove.CLOSURE_MOVE_TYPE_STOP } }),
  }),
  infotainment('window_control', {
    summary: 'Vent or close the windows.',
    repeat: 'same',
    parameters: { command: required('string', 'vent or close.') },
    message: ({ command }) => {
      if (command === 'vent') return { vehicleControlWindowAction: { vent: {} } };
      if (command === 'close') return { vehicleControlWindowAction: { close: {} } };
      return refuse('plain', "command must be 'vent' or 'close'");
    },
  }),
  infotainment('sun_roof_control', {
    summary: 'Vent, close or open the sunroof.',
    repeat: 'same',
    isBeyondProxy: true,
    parameters: { state: required('string', 'vent, close or open.') },
    message: ({ state }) =>
      state === 'vent' || state === 'close' || state === 'open'
        ? { vehicleControlSunroofOpenCloseAction: { [state]: {} } }
        : refuse('plain', "state must be 'vent', 'close' or 'open'"),
  }),
  infotainment('set_sentry_mode', {
    summary: 'Switch Sentry Mode.',
    repeat: 'same',
    parameters: onOff,
    message: ({ on }) => ({ vehicleControlSetSentryModeAction: { on: field(on) } }),
  }),
  infotainment('set_valet_mode', {
    summary: 'Switch valet mode.',
    repeat: 'same',
    parameters: { ...onOff, ...password },
    message: ({ on, password }) => {
      if (!on) return { vehicleControlSetValetModeAction: {} };
      return isPin(password) ? { vehicleControlSetValetModeAction: { on, password } } : wrongPin;
    },
    isDoneReason: ({ on }, reason) => !on && reason.endsWith('already off'),
  }),
  infotainment('reset_valet_pin', {
    summary: 'Remove the PIN of valet mode.',
    repeat: 'same',
    message: () => ({ vehicleControlResetValetPinAction: {} }),
  }),
  infotainment('set_pin_to_drive', {
    summary: 'Switch PIN to Drive.',
    repeat: 'same',
    parameters: { ...onOff, ...password },
    message: ({ on, password }) => ({
      vehicleControlSetPinToDriveAction: { on: field(on), password: field(password) },
    }),
  }),
  infotainment('reset_pin_to_drive_pin', {
    summary: 'Remove the PIN of PIN to Drive.',
    repeat: 'same',
    message: () => ({ vehicleControlResetPinToDriveAction: {} }),
  }),
  infotainment('clear_pin_to_drive_admin', {
    summary: 'Switch PIN to Drive off without its PIN.',
    repeat: 'same',
    message: () => ({ vehicleControlResetPinToDriveAdminAction: {} }),
  }),
  infotainment('guest_mode', {
    summary: 'Switch guest mode.',
    repeat: 'same',
    parameters: { enable: required('boolean', 'On or off.') },
    message: ({ enable }) => ({ guestModeAction: { GuestModeActive: field(enable) } }),
  }),
  infotainment('erase_user_data', {
    summary: "Erase the data of the vehicle's user; in guest mode and in park only.",
    repeat: 'destructive',
    message: () => ({ eraseUserDataAction: {} }),
  }),
  infotainment('parental_controls_activate', {
    summary: 'Switch parental controls on.',
    repeat: 'same',
    parameters: pin,
    message: ({ pin }) => (isPin(pin) ? { parentalControlsAction: { activate: true, pin } } : wrongPin),
  }),
  infotainment('parental_controls_deactivate', {
    summary: 'Switch parental controls off.',
    repeat: 'same',
    parameters: pin,
    message: ({ pin }) => (isPin(pin) ? { parentalControlsAction: { pin } } : wrongPin),
  }),
  infotainment('parental_controls_enable_setting', {
    summary: 'Switch one of the parental controls.',
    repeat: 'same',
    parameters: {
      setting: required('string', `One of ${parentalSettings().join(', ')}.`),
      enable: required('boolean', 'On or off.'),
    },
    message: ({ setting, enable }) => {
      const number = parentalSettings().indexOf(setting);
      if (number < 0) return refuse('nominal', `invalid setting: ${setting}`);
      return { parentalControlsEnableSettingsAction: { setting: field(number), enable: field(enable) } };
    },
  }),
  infotainment('parental_controls_set_speed_limit', {
    summary: 'Set the speed limit of parental controls.',
    repeat: 'same',
    parameters: { limit_mph: required('number', 'Miles per hour.') },
    message: ({ limit_mph }) => ({ parentalControlsSetSpeedLimitAction: { limitMph: field(limit_mph) } }),
  }),
  infotainment('parental_controls_clear_pin', {
    summary: 'Remove the PIN of parental controls.',
    repeat: 'same',
    isBeyondProxy: true,
    parameters: pin,
    message: ({ pin }) => ({ parentalControlsClearPinAction: { pin: field(pin) } }),
  }),
  infotainment('parental_controls_clear_pin_admin', {
    summary: 'Remove the PIN of parental controls without knowing it.',
    repeat: 'same',
    message: () => ({ parentalControlsClearPinAdminAction: {} }),
  }),
];

const wrongPin = refuse('plain', 'PIN codes must be four digits', 500);

function isPin(text: string): boolean {
  return /^[0-9]{4}$/.test(text);
}

/** By their number in the protocol. */
function parentalSettings(): string[] {
  return [
    'SpeedLimit',
    'Acceleration',
    'SafetyFeatures',
    'Curfew',
    'BrowserBlocked',
    'TheaterBlocked',
    'ArcadeBlocked',
  ];
}
