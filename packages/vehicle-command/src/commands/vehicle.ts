// Commands for driving, navigation, and the vehicle as a whole.
import { optional, required } from './parameters.js';
import { field } from './proto3.js';
import { infotainment, rest } from './row.js';

const pin = { pin: required('string', 'Four digits.') };
const enable = { enable: required('boolean', 'On or off.') };
const order = { order: optional('integer', '1 replace the trip, 2 go there first, 3 go there last.', { fallback: 1 }) };
const lat = required('number', 'Latitude.');
const lon = required('number', 'Longitude.');

export const vehicle = [
  infotainment('flash_lights', {
    summary: 'Flash the lights.',
    repeat: 'harmless',
    message: () => ({ vehicleControlFlashLightsAction: {} }),
  }),
  infotainment('honk_horn', {
    summary: 'Honk the horn.',
    repeat: 'harmless',
    message: () => ({ vehicleControlHonkHornAction: {} }),
  }),
  infotainment('trigger_homelink', {
    summary: 'Open or close the garage door.',
    repeat: 'toggle',
    parameters: { lat, lon },
    message: ({ lat, lon }) => ({
      vehicleControlTriggerHomelinkAction: { location: { latitude: field(lat), longitude: field(lon) } },
    }),
  }),
  infotainment('set_low_power_mode', {
    summary: 'Switch low power mode.',
    repeat: 'same',
    parameters: enable,
    message: ({ enable }) => ({ setLowPowerModeAction: { lowPowerMode: field(enable) } }),
  }),
  infotainment('keep_accessory_power_mode', {
    summary: 'Keep the accessory power on.',
    repeat: 'same',
    parameters: enable,
    message: ({ enable }) => ({ setKeepAccessoryPowerModeAction: { keepAccessoryPowerMode: field(enable) } }),
  }),
  infotainment('set_vehicle_name', {
    summary: 'Rename the vehicle.',
    repeat: 'same',
    parameters: { vehicle_name: required('string', 'The new name.') },
    message: ({ vehicle_name }) => ({ setVehicleNameAction: { vehicleName: field(vehicle_name) } }),
  }),
  infotainment('schedule_software_update', {
    summary: 'Install a downloaded software update.',
    repeat: 'same',
    parameters: { offset_sec: required('integer', 'Seconds until the installation.') },
    message: ({ offset_sec }) => ({ vehicleControlScheduleSoftwareUpdateAction: { offsetSec: field(offset_sec) } }),
  }),
  infotainment('cancel_software_update', {
    summary: 'Cancel the countdown to a software update.',
    repeat: 'same',
    message: () => ({ vehicleControlCancelSoftwareUpdateAction: {} }),
  }),
  infotainment('speed_limit_set_limit', {
    summary: 'Set the speed limit.',
    repeat: 'same',
    parameters: { limit_mph: required('number', 'Miles per hour.') },
    message: ({ limit_mph }) => ({ drivingSetSpeedLimitAction: { limitMph: field(limit_mph) } }),
  }),
  infotainment('speed_limit_activate', {
    summary: 'Switch the speed limit on.',
    repeat: 'same',
    parameters: pin,
    message: ({ pin }) => ({ drivingSpeedLimitAction: { activate: true, pin: field(pin) } }),
  }),
  infotainment('speed_limit_deactivate', {
    summary: 'Switch the speed limit off.',
    repeat: 'same',
    parameters: pin,
    message: ({ pin }) => ({ drivingSpeedLimitAction: { pin: field(pin) } }),
  }),
  infotainment('speed_limit_clear_pin', {
    summary: 'Remove the PIN of the speed limit.',
    repeat: 'same',
    parameters: pin,
    message: ({ pin }) => ({ drivingClearSpeedLimitPinAction: { pin: field(pin) } }),
  }),
  infotainment('speed_limit_clear_pin_admin', {
    summary: 'Remove the PIN of the speed limit without knowing it.',
    repeat: 'same',
    message: () => ({ drivingClearSpeedLimitPinAdminAction: {} }),
  }),
  infotainment('navigation_gps_request', {
    summary: 'Navigate to coordinates.',
    repeat: 'toggle',
    isBeyondProxy: true,
    parameters: { lat, lon, ...order },
    message: ({ lat, lon, order }) => ({
      navigationGpsRequest: { lat: field(lat), lon: field(lon), order: field(order) },
    }),
  }),
  infotainment('navigation_sc_request', {
    summary: 'Navigate to a Supercharger.',
    repeat: 'toggle',
    isBeyondProxy: true,
    parameters: { id: required('id', 'Number of the Supercharger.'), ...order },
    message: ({ id, order }) => ({ navigationSuperchargerRequest: { id: field(id), order: field(order) } }),
  }),
  infotainment('navigation_waypoints_request', {
    summary: 'Navigate through several places.',
    repeat: 'same',
    isBeyondProxy: true,
    parameters: { waypoints: required('string', 'Places as refId:<place id>, separated by commas.') },
    message: ({ waypoints }) => ({ navigationWaypointsRequest: { waypoints: field(waypoints) } }),
  }),
  infotainment('upcoming_calendar_entries', {
    summary: "Send the driver's calendar.",
    repeat: 'same',
    isBeyondProxy: true,
    parameters: { calendar_data: required('string', 'The entries.') },
    message: ({ calendar_data }) => ({ upcomingCalendarEntries: { calendarData: field(calendar_data) } }),
  }),
  infotainment('take_drivenote', {
    summary: 'Record a drive note.',
    repeat: 'toggle',
    isBeyondProxy: true,
    parameters: { note: required('string', 'The note.') },
    message: ({ note }) => ({ takeDrivenoteAction: { note: field(note) } }),
  }),
  rest('wake_up', 'Wake the vehicle.'),
  rest('navigation_request', 'Send a place or an address to the navigation.'),
  rest('set_managed_charge_current_request', 'Set the current of managed charging.'),
  rest('set_managed_charger_location', 'Set the location of the managed charger.'),
  rest('set_managed_scheduled_charging_time', 'Set the start time of managed charging.'),
];
