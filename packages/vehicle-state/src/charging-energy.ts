// The counted energy of a charging session, as it is stored in a snapshot.

export interface ChargingSession {
  /** The last entry that was counted. */
  upTo: string;
  isCharging: boolean;
  isDc: boolean;
  /** Of the first record; null: it was charging already when it was first seen. */
  startMs: number | null;
  /** Of the last counted record. */
  timeMs: number;
  /** Into the pack since then. */
  powerKw: number;
  /** Into the pack in this session. */
  packKwh: number;
  dc: EnergyCounter | null;
  ac: EnergyCounter | null;
  /** What the document shows. It never falls during a session, also when a counter steps back. */
  shownKwh: number;
  /** At the start of the session; null: unknown. */
  ratedMiles: number | null;
  idealMiles: number | null;
}

export interface EnergyCounter {
  /** As the vehicle sent it. */
  value: number;
  addedKwh: number;
  /** Energy into the pack when the value came. */
  packKwh: number;
}

/** A greater step back is a restart of the counter. */
const JITTER_KWH = 0.2;

/**
 * The counter with a value that the vehicle sent. `share`: of the counted energy that arrives in the pack. Of a session that
 * began before it was first seen, the counter alone knows how much it was.
 */
export function nextCounter(
  counter: EnergyCounter | null,
  { value, session, share }: { value: number; session: ChargingSession; share: number },
): EnergyCounter {
  const flowedKwh = (session.packKwh - (counter?.packKwh ?? 0)) / share;
  const firstKwh = session.startMs === null ? value : flowedKwh;
  const addedKwh = counter ? counter.addedKwh + stepKwh(value - counter.value, flowedKwh) : firstKwh;
  return { value, addedKwh, packKwh: session.packKwh };
}

function stepKwh(step: number, flowedKwh: number): number {
  return step < -JITTER_KWH ? flowedKwh : step;
}

const NUMBERS = ['timeMs', 'powerKw', 'packKwh', 'shownKwh'] as const;
const NUMBERS_OR_NULL = ['startMs', 'ratedMiles', 'idealMiles'] as const;
const COUNTER_NUMBERS = ['value', 'addedKwh', 'packKwh'] as const;

/** A session that was stored as JSON; undefined if it is corrupt. */
export function chargingSessionOf(json: unknown): ChargingSession | undefined {
  const session = json as Partial<ChargingSession> | null | undefined;
  if (typeof session !== 'object' || session === null || typeof session.upTo !== 'string') return undefined;
  const hasFlags = typeof session.isCharging === 'boolean' && typeof session.isDc === 'boolean';
  const hasNumbers = NUMBERS.every((name) => Number.isFinite(session[name]));
  const hasOthers = NUMBERS_OR_NULL.every((name) => session[name] === null || Number.isFinite(session[name]));
  const hasCounters = [session.dc, session.ac].every((counter) => counter === null || isCounter(counter));
  const isWhole = /^\d+-\d+$/.test(session.upTo) && hasFlags && hasNumbers && hasOthers && hasCounters;
  return isWhole ? (session as ChargingSession) : undefined;
}

function isCounter(counter: EnergyCounter | undefined): boolean {
  return typeof counter === 'object' && COUNTER_NUMBERS.every((name) => Number.isFinite(counter[name]));
}
