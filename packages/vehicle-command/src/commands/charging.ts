// Commands for charging, and its schedules.
import { optional, refuse, required, type ValuesOf } from './parameters.js';
import { field } from './proto3.js';
import { infotainment } from './row.js';

const scope = 'vehicle_charging_cmds';
const onOff = { enable: required('boolean', 'On or off.') };
const minutes = 'Minutes after midnight.';
const departureTimes = {
  departure_time: optional('integer', minutes, { onlyIf: 'enable' }),
  preconditioning_enabled: optional('boolean', 'Heat or cool before departure.', { onlyIf: 'enable' }),
  preconditioning_weekdays_only: optional('boolean', 'On weekdays only.', { onlyIf: 'enable' }),
  off_peak_charging_enabled: optional('boolean', 'Charge off peak.', { onlyIf: 'enable' }),
  off_peak_charging_weekdays_only: optional('boolean', 'On weekdays only.', { onlyIf: 'enable' }),
  end_off_peak_time: optional('integer', minutes, { onlyIf: 'enable' }),
};
const place = { lat: required('number', 'Latitude of the place.'), lon: required('number', 'Longitude of the place.') };
const scheduleId = { id: optional('id', 'The schedule to replace; without it a new one.') };
const days = { days_of_week: required('string', 'Names separated by commas, e.g. Mon,Tues; or All, Weekdays.') };
const which = {
  home: optional('boolean', 'Those at home.'),
  work: optional('boolean', 'Those at work.'),
  other: optional('boolean', 'Those at other places.'),
};

export const charging = [
  infotainment('charge_start', {
    summary: 'Start charging.',
    repeat: 'same',
    scope,
    message: () => ({ chargingStartStopAction: { start: {} } }),
  }),
  infotainment('charge_stop', {
    summary: 'Stop charging.',
    repeat: 'same',
    scope,
    message: () => ({ chargingStartStopAction: { stop: {} } }),
  }),
  infotainment('charge_standard', {
    summary: 'Set the charge limit to the standard.',
    repeat: 'same',
    scope,
    message: () => ({ chargingStartStopAction: { startStandard: {} } }),
  }),
  infotainment('charge_max_range', {
    summary: 'Set the charge limit to the maximum.',
    repeat: 'same',
    scope,
    message: () => ({ chargingStartStopAction: { startMaxRange: {} } }),
  }),
  infotainment('charge_port_door_open', {
    summary: 'Open or unlock the charge port.',
    repeat: 'same',
    scope,
    message: () => ({ chargePortDoorOpen: {} }),
  }),
  infotainment('charge_port_door_close', {
    summary: 'Close the charge port.',
    repeat: 'same',
    scope,
    message: () => ({ chargePortDoorClose: {} }),
  }),
  infotainment('set_charge_limit', {
    summary: 'Set the charge limit.',
    repeat: 'same',
    scope,
    parameters: { percent: required('integer', 'Percent; vehicles accept 50 to 100.') },
    message: ({ percent }) => ({ chargingSetLimitAction: { percent: field(percent) } }),
  }),
  infotainment('set_charging_amps', {
    summary: 'Set the charging current.',
    repeat: 'same',
    scope,
    parameters: { charging_amps: required('integer', 'Amperes.') },
    message: ({ charging_amps }) => ({ setChargingAmpsAction: { chargingAmps: field(charging_amps) } }),
  }),
  infotainment('set_scheduled_charging', {
    summary: 'Start charging at a time of the day.',
    repeat: 'same',
    scope,
    parameters: { ...onOff, time: optional('integer', minutes) },
    message: ({ enable, time }) => ({ scheduledChargingAction: { enabled: field(enable), chargingTime: field(time) } }),
  }),
  infotainment('set_scheduled_departure', {
    summary: 'Finish charging and preconditioning at a time of the day.',
    repeat: 'same',
    scope,
    parameters: { ...onOff, ...departureTimes },
    message: (values) => {
      if (!values.enable) return { scheduledDepartureAction: {} };
      if (values.departure_time < 0 || values.departure_time > 1440) {
        return refuse('plain', 'invalid departure time', 500);
      }
      return {
        scheduledDepartureAction: {
          enabled: true,
          departureTime: field(values.departure_time),
          preconditioningTimes: daysOf(values.preconditioning_enabled, values.preconditioning_weekdays_only),
          offPeakChargingTimes: daysOf(values.off_peak_charging_enabled, values.off_peak_charging_weekdays_only),
          offPeakHoursEndTime: field(values.end_off_peak_time),
        },
      };
    },
  }),
  infotainment('add_charge_schedule', {
    summary: 'Add or replace a charge schedule.',
    repeat: 'same_with_id',
    scope,
    parameters: {
      ...place,
      start_enabled: required('boolean', 'The schedule has a start time.'),
      start_time: optional('integer', minutes),
      end_enabled: required('boolean', 'The schedule has an end time.'),
      end_time: optional('integer', minutes),
      ...days,
      ...scheduleId,
      enabled: required('boolean', 'On or off.'),
      one_time: optional('boolean', 'Remove it after it was used.'),
    },
    message: (values, now) =>
      withDays(values.days_of_week, (daysOfWeek) => ({
        addChargeScheduleAction: {
          ...placeAndId(values, now),
          daysOfWeek,
          startEnabled: field(values.start_enabled),
          startTime: field(values.start_time),
          endEnabled: field(values.end_enabled),
          endTime: field(values.end_time),
          oneTime: field(values.one_time),
          enabled: field(values.enabled),
        },
      })),
  }),
  infotainment('add_precondition_schedule', {
    summary: 'Add or replace a preconditioning schedule.',
    repeat: 'same_with_id',
    scope,
    parameters: {
      ...place,
      precondition_time: required('integer', minutes),
      one_time: optional('boolean', 'Remove it after it was used.'),
      ...days,
      ...scheduleId,
      enabled: required('boolean', 'On or off.'),
    },
    message: (values, now) =>
      withDays(values.days_of_week, (daysOfWeek) => ({
        addPreconditionScheduleAction: {
          ...placeAndId(values, now),
          daysOfWeek,
          preconditionTime: field(values.precondition_time),
          oneTime: field(values.one_time),
          enabled: field(values.enabled),
        },
      })),
  }),
  infotainment('remove_charge_schedule', {
    summary: 'Remove a charge schedule.',
    repeat: 'same',
    scope,
    parameters: { id: required('id', 'The schedule.') },
    message: ({ id }) => ({ removeChargeScheduleAction: { id: field(id) } }),
  }),
  infotainment('remove_precondition_schedule', {
    summary: 'Remove a preconditioning schedule.',
    repeat: 'same',
    scope,
    parameters: { id: required('id', 'The schedule.') },
    message: ({ id }) => ({ removePreconditionScheduleAction: { id: field(id) } }),
  }),
  infotainment('batch_remove_charge_schedules', {
    summary: 'Remove all charge schedules of some places.',
    repeat: 'same',
    isBeyondProxy: true,
    parameters: which,
    message: (places) => ({ batchRemoveChargeSchedulesAction: chosen(places) }),
  }),
  infotainment('batch_remove_precondition_schedules', {
    summary: 'Remove all preconditioning schedules of some places.',
    repeat: 'same',
    isBeyondProxy: true,
    parameters: which,
    message: (places) => ({ batchRemovePreconditionSchedulesAction: chosen(places) }),
  }),
];

function daysOf(isEnabled: boolean, isWeekdaysOnly: boolean) {
  if (isWeekdaysOnly) return { weekdays: {} };
  return isEnabled ? { allWeek: {} } : null;
}

function chosen({ home, work, other }: ValuesOf<typeof which>) {
  return { home: field(home), work: field(work), other: field(other) };
}

function placeAndId({ lat, lon, id }: { lat: number; lon: number; id: number }, now: { seconds: number }) {
  return { id: id === 0 ? now.seconds : id, latitude: field(lat), longitude: field(lon) };
}

const dayBits = new Map([
  ...dayNames(1, 'SUN', 'SUNDAY'),
  ...dayNames(2, 'MON', 'MONDAY'),
  ...dayNames(4, 'TUES', 'TUESDAY'),
  ...dayNames(8, 'WED', 'WEDNESDAY'),
  ...dayNames(16, 'THURS', 'THURSDAY'),
  ...dayNames(32, 'FRI', 'FRIDAY'),
  ...dayNames(64, 'SAT', 'SATURDAY'),
  ...dayNames(127, 'ALL'),
  ...dayNames(62, 'WEEKDAYS'),
]);

function dayNames(bits: number, ...names: string[]): [string, number][] {
  return names.map((name) => [name, bits]);
}

function withDays<M>(names: string, message: (daysOfWeek: number) => M) {
  let daysOfWeek = 0;
  for (const name of names.split(',').map((part) => part.trim())) {
    const bits = dayBits.get(name.toUpperCase());
    if (bits === undefined) return refuse('plain', `unrecognized day name: ${name}`);
    daysOfWeek |= bits;
  }
  return message(daysOfWeek);
}
