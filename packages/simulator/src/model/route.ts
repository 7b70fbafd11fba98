// A closed loop of streets: position, heading and speed limit after a distance in metres.

export interface Waypoint {
  readonly latitude: number;
  readonly longitude: number;
  /** Speed limit from here to the next waypoint; 31 mph (50 km/h) when absent. */
  readonly limitMph?: number;
  readonly hasLights?: boolean;
}

export interface Place {
  readonly latitude: number;
  readonly longitude: number;
}

/** A waypoint as the driver reaches it. */
export interface Corner {
  readonly index: number;
  readonly atM: number;
  readonly limitMps: number;
  readonly hasLights: boolean;
}

export interface Route {
  readonly lengthM: number;
  readonly corners: readonly Corner[];
  /** Accepts any distance, also negative: a route is a loop. */
  placeAt(distanceM: number): Place;
  /** Degrees in [0, 360), clockwise from north; turns within a few metres of a corner. */
  headingAt(distanceM: number): number;
  limitMpsAt(distanceM: number): number;
}

/** Munich: the old town's ring, Ludwigstraße, Leopoldstraße, Isarring, down the Isar, back by Sendlinger Tor. */
export const munichLoop: readonly Waypoint[] = [
  { latitude: 48.1392, longitude: 11.5655, hasLights: true },
  { latitude: 48.1408, longitude: 11.5692 },
  { latitude: 48.142, longitude: 11.5725, hasLights: true },
  { latitude: 48.1428, longitude: 11.5773 },
  { latitude: 48.1523, longitude: 11.5821, hasLights: true },
  { latitude: 48.1619, longitude: 11.5865, hasLights: true },
  { latitude: 48.1665, longitude: 11.5918, limitMph: 50 },
  { latitude: 48.1607, longitude: 11.6012, limitMph: 50 },
  { latitude: 48.1523, longitude: 11.5998, hasLights: true },
  { latitude: 48.1445, longitude: 11.593 },
  { latitude: 48.1377, longitude: 11.5888, hasLights: true },
  { latitude: 48.135, longitude: 11.5818, hasLights: true },
  { latitude: 48.1345, longitude: 11.5765 },
  { latitude: 48.134, longitude: 11.567, hasLights: true },
];

export const METRES_PER_MILE = 1609.344;
export const MPS_PER_MPH = METRES_PER_MILE / 3600;
const CITY_LIMIT_MPH = 31;
/** Half of the stretch over which the heading turns at a corner. */
const TURN_M = 8;

/** Throws RangeError for fewer than three waypoints, or for two neighbours less than a metre apart. */
export function createRoute(waypoints: readonly Waypoint[]): Route {
  if (waypoints.length < 3) throw new RangeError('a route needs at least three waypoints');
  const legs = waypoints.map((from, index) => {
    const to = waypoints[(index + 1) % waypoints.length]!;
    const metres = distanceBetweenM(from, to);
    if (metres < 1) throw new RangeError(`waypoint ${index} and the next are less than a metre apart`);
    return { from, to, metres, bearing: bearingBetween(from, to), startM: 0 };
  });
  let lengthM = 0;
  for (const leg of legs) {
    leg.startM = lengthM;
    lengthM += leg.metres;
  }

  const legAt = (distanceM: number) => {
    const onLoopM = wrap(distanceM, lengthM);
    const leg = legs.findLast(({ startM }) => startM <= onLoopM)!;
    return { leg, share: (onLoopM - leg.startM) / leg.metres };
  };
  const placeAt = (distanceM: number): Place => {
    const { leg, share } = legAt(distanceM);
    return {
      latitude: leg.from.latitude + (leg.to.latitude - leg.from.latitude) * share,
      longitude: leg.from.longitude + (leg.to.longitude - leg.from.longitude) * share,
    };
  };
  return {
    lengthM,
    corners: legs.map((leg, index) => ({
      index,
      atM: leg.startM,
      limitMps: cornerLimitMps(turnBetween(legs.at(index - 1)!.bearing, leg.bearing)),
      hasLights: leg.from.hasLights ?? false,
    })),
    placeAt,
    headingAt: (distanceM) => bearingBetween(placeAt(distanceM - TURN_M), placeAt(distanceM + TURN_M)),
    limitMpsAt: (distanceM) => (legAt(distanceM).leg.from.limitMph ?? CITY_LIMIT_MPH) * MPS_PER_MPH,
  };
}

export function distanceBetweenM(from: Place, to: Place): number {
  const halfLatitude = Math.sin(radians(to.latitude - from.latitude) / 2);
  const halfLongitude = Math.sin(radians(to.longitude - from.longitude) / 2);
  const chord =
    halfLatitude ** 2 + Math.cos(radians(from.latitude)) * Math.cos(radians(to.latitude)) * halfLongitude ** 2;
  return 2 * 6_371_000 * Math.asin(Math.sqrt(chord));
}

/** The non-negative remainder. */
export function wrap(value: number, length: number): number {
  const rest = value % length;
  // A tiny negative remainder plus the length rounds to the length.
  return rest < 0 ? (rest + length) % length : rest;
}

function bearingBetween(from: Place, to: Place): number {
  const east = (to.longitude - from.longitude) * Math.cos(radians((from.latitude + to.latitude) / 2));
  return wrap((Math.atan2(east, to.latitude - from.latitude) * 180) / Math.PI, 360);
}

/** 0 = straight on, 180 = back. */
function turnBetween(before: number, after: number): number {
  const turn = wrap(after - before, 360);
  return turn > 180 ? 360 - turn : turn;
}

function cornerLimitMps(turnDegrees: number): number {
  if (turnDegrees < 20) return Number.POSITIVE_INFINITY;
  return Math.max(3, 14 - turnDegrees / 10);
}

function radians(degrees: number): number {
  return (degrees * Math.PI) / 180;
}
