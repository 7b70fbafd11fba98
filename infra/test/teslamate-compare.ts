// TeslaMate's rows of one car against what the vehicle sent.
import type { VehicleHistory } from './teslamate-log.js';
import type { TeslaMateProgram } from './teslamate-program.js';

interface Span {
  startMs: number;
  endMs: number | null;
}

const KM_PER_MILE = 1.609344;
const ms = (column: string) => `(extract(epoch from ${column}) * 1000)::float8`;

/** The faults, as sentences, and what to print. */
export async function compare(history: VehicleHistory, vin: string, { query }: Pick<TeslaMateProgram, 'query'>) {
  const faults: string[] = [];
  const expectNear = (what: string, actual: number | null, expected: number, tolerance: number) => {
    if (actual === null || Math.abs(actual - expected) > tolerance) faults.push(`${what}: ${actual}, not ${expected}`);
  };
  const ofCar = `car_id = (select id from cars where vin = '${vin}')`;
  const span = `${ms('start_date')} as "startMs", ${ms('end_date')} as "endMs"`;

  const drives = await query<Span & { id: number; distance: number | null }>(
    `select id, ${span}, distance from drives where ${ofCar} order by start_date`,
  );
  if (drives.length !== history.drives.length) faults.push(`${drives.length} drives, not ${history.drives.length}`);
  const positions = await query<{ atMs: number; latitude: number; longitude: number; isStreamed: boolean }>(
    `select ${ms('date')} as "atMs", latitude::float8, longitude::float8, rated_battery_range_km is null as "isStreamed"
     from positions where ${ofCar} and drive_id is not null order by id`,
  );
  const rows = new Map(positions.map((row) => [row.atMs, row]));
  const streamed = positions.filter(({ isStreamed }) => isStreamed);
  let missing = 0;
  for (const [n, drive] of history.drives.entries()) {
    const row = drives[n];
    if (row === undefined) continue;
    expectNear(`drive ${n + 1} starts`, row.startMs, drive.startMs, 1_500);
    expectNear(`drive ${n + 1} ends`, row.endMs, drive.endMs, 1_500);
    // the odometer comes every ten seconds
    expectNear(`km of drive ${n + 1}`, row.distance, (drive.endMiles - drive.startMiles) * KM_PER_MILE, 0.2);
    for (const [atMs, place] of drive.places) {
      const position = rows.get(atMs);
      if (position === undefined) {
        missing++;
        faults.push(`no position of ${new Date(atMs).toISOString()}, in drive ${n + 1}`);
      } else {
        expectNear(`latitude of ${atMs}`, position.latitude, place.latitude, 0.000001);
        expectNear(`longitude of ${atMs}`, position.longitude, place.longitude, 0.000001);
      }
    }
  }
  // frames of the last second before a kill can come twice
  const repeats = streamed.length - new Set(streamed.map(({ atMs }) => atMs)).size;
  if (repeats > 10) faults.push(`${repeats} positions were streamed twice`);

  const charges = await query<Span & { kwh: number | null }>(
    `select ${span}, charge_energy_added::float8 as kwh from charging_processes where ${ofCar} order by start_date`,
  );
  if (charges.length !== history.charges.length)
    faults.push(`${charges.length} charges, not ${history.charges.length}`);
  for (const [n, charge] of history.charges.entries()) {
    const row = charges[n];
    if (row === undefined) continue;
    expectNear(`charge ${n + 1} starts`, row.startMs, charge.startMs, 15_000);
    expectNear(`charge ${n + 1} ends`, row.endMs, charge.endMs, 15_000);
    expectNear(`kWh of charge ${n + 1}`, row.kwh, charge.kwh, 0.05 * charge.kwh);
  }
  const rowsOfCharges = await query<{ isFalling: boolean }>(
    `select c.charge_energy_added < lag(c.charge_energy_added) over (partition by charging_process_id order by c.id) as
     "isFalling" from charges c join charging_processes p on p.id = charging_process_id where ${ofCar}`,
  );
  if (rowsOfCharges.some(({ isFalling }) => isFalling)) faults.push('the energy of a charge falls');

  const states = await query<Span & { state: string }>(
    `select state, ${span} from states where ${ofCar} order by start_date`,
  );
  const text = states.map(({ state }) => state).join(' ');
  if (text !== 'offline online asleep online asleep') faults.push(`states: ${text}`);
  const asleep = states.filter(({ state }) => state === 'asleep').map(({ startMs }) => startMs);
  // a killed ingest disconnects for a few seconds
  const left = history.connectivity.filter(
    ({ atMs, isConnected }, n, all) => !isConnected && (all[n + 1]?.atMs ?? Number.POSITIVE_INFINITY) > atMs + 10_000,
  );
  for (const [n, { atMs }] of left.entries()) expectNear(`sleep ${n + 1}`, asleep[n] ?? null, atMs + 20_000, 10_000);

  const facts = {
    places: history.drives.map(({ places }) => places.size),
    missing,
    streamed: streamed.length,
    repeats,
    positions: positions.length,
    charges: rowsOfCharges.length,
    kwh: charges.map(({ kwh }, n) => [kwh, history.charges[n]?.kwh]),
    driveStartsLateMs: drives.map(({ startMs }, n) => startMs - (history.drives[n]?.startMs ?? Number.NaN)),
    driveEndsLateMs: drives.map(({ endMs }, n) => (endMs ?? Number.NaN) - (history.drives[n]?.endMs ?? Number.NaN)),
    asleepLateMs: asleep.map((startMs, n) => startMs - (left[n]?.atMs ?? Number.NaN)),
  };
  return { faults, facts };
}
