// drive_state of the vehicle_data document. The position is always part of it: clients that do not name location_data in
// `endpoints` need it too.

import { correctedValue } from '../corrected-value.js';
import { locationAt } from '../location.js';
import { isInDrive, shownPowerKw } from '../shift-and-power.js';
import { locationOf } from '../signal-reading.js';
import type { Row, Source } from './field.js';
import { roundHalfAway } from './field.js';
import { firstNumber, from, number, text, word } from './sources.js';

export const driveState: readonly Row[] = [
  ['active_route_destination', 'text', text('DestinationName'), { isOptional: true }],
  [
    'active_route_energy_at_arrival',
    'integer',
    onRoute(number('ExpectedEnergyPercentAtTripArrival')),
    { isOptional: true },
  ],
  ['active_route_latitude', 'float', destination('latitude'), { isOptional: true }],
  ['active_route_longitude', 'float', destination('longitude'), { isOptional: true }],
  ['active_route_miles_to_arrival', 'float', onRoute(number('MilesToArrival')), { isOptional: true }],
  ['active_route_minutes_to_arrival', 'float', onRoute(number('MinutesToArrival')), { isOptional: true }],
  ['active_route_traffic_minutes_delay', 'float', onRoute(number('RouteTrafficMinutesDelay')), { isOptional: true }],
  ['gps_as_of', 'seconds', gpsTime()],
  ['heading', 'integer', heading()],
  ['latitude', 'float', place('latitude')],
  ['longitude', 'float', place('longitude')],
  ['native_latitude', 'float', place('latitude')],
  ['native_location_supported', 'integer', undefined, { otherwise: 1 }],
  ['native_longitude', 'float', place('longitude')],
  ['native_type', 'text', undefined, { otherwise: 'wgs' }],
  ['power', 'integer', power(), { otherwise: 0 }],
  // any text but these letters, even an empty one, crashes TeslaMate in a drive
  ['shift_state', 'text', word('Gear', 'ShiftState', { P: 'P', R: 'R', N: 'N', D: 'D', '*': null })],
  ['speed', 'integer', speed()],
];

/** The same as the frame's, also in a tunnel and parked in a garage. */
function place(part: 'latitude' | 'longitude'): Source {
  return from(['Location'], ({ state, nowMs }) => {
    const location = locationAt(state, nowMs) ?? locationOf(state.heldLocation?.value);
    return location?.[part];
  });
}

function destination(part: 'latitude' | 'longitude'): Source {
  return onRoute(
    from(['DestinationLocation'], ({ state }) => locationOf(correctedValue(state, 'DestinationLocation'))?.[part]),
  );
}

/** Without a destination the last values of a route stay in the vehicle's state. */
function onRoute(source: Source): Source {
  const signals = [...source.signals, 'DestinationName'];
  return {
    signals,
    read: (facts) => (text('DestinationName').read(facts) === undefined ? undefined : source.read(facts)),
  };
}

/** By the vehicle's clock. */
function gpsTime(): Source {
  return from(['Location'], ({ state }) => {
    const { timeMs } = state.heldLocation ?? state.readings.get('Location') ?? {};
    return timeMs === undefined ? undefined : Math.floor(timeMs / 1000);
  });
}

/** 0 to 359. Rounded first, since 359.7 is north. */
function heading(): Source {
  return from(['GpsHeading'], (facts) => {
    const degrees = firstNumber(facts, ['GpsHeading']);
    return degrees === undefined ? undefined : ((roundHalfAway(degrees) % 360) + 360) % 360;
  });
}

function power(): Source {
  const signals = ['PackVoltage', 'PackCurrent', 'ACChargingPower', 'DCChargingPower', 'Gear'];
  return from(signals, ({ state }) => shownPowerKw(state));
}

/** A parked vehicle sends no speed. */
function speed(): Source {
  return from(['VehicleSpeed', 'Gear'], (facts) => {
    const mph = firstNumber(facts, ['VehicleSpeed']);
    return isInDrive(facts.state) ? mph : null;
  });
}
