// A month of the stand-in's car, as fast as the machine can: what Tesla bills (counted in the bytes that the car sent,
// resends included), beside what the dispatcher counted and `cost` shows.
import { createLogger } from '@fleetbridge/service';
import type { PhasePlan } from '@fleetbridge/simulator';
import { readFleetSignalDays, SnapshotStore, type Store } from '@fleetbridge/store';
import { it } from '@fleetbridge/store/testing';
import { monthCost, monthDays, profileFields, profiles, signalRate } from '@fleetbridge/telemetry-config';
import { eventually } from '@fleetbridge/testing';
import { expect } from 'vitest';
import { SnapshotKeeper } from '../../apps/dispatcher/src/snapshot/index.js';
import { startSetUp, vin } from '../../packages/simulator/test/tesla-set-up.js';
import { caPem, startVehicleServer, vehicleIdentity } from '../../packages/simulator/test/vehicle-server.js';
import { createSteppedClock } from './stepped-clock.js';

const isLong = process.env.TEST_LONG !== undefined;
if (!isLong)
  console.log('a month of drives of full length, with the profile teslamate, takes minutes: npm run test:long');

const FIRMWARE = '2026.26.6';
const DAYS = monthDays('2026-09-01');
const START_MS = Date.parse(DAYS[0]!);
const DAY_MS = 86_400_000;
/** Of the profile that is sent; a short drive has all of its phases. */
const { fields } = profileFields(isLong ? profiles.teslamate : profiles.economy, FIRMWARE);
const driveSeconds = isLong ? 1_200 : 120;
/** A tunnel in a drive, once a day, after so many signals: on a short day one record is more than 2 %. */
const tunnelAfter = isLong ? 1 : 400;

it('a month of uneven days costs what the car sent, and day 10 foresees it', { timeout: 1_200_000 }, async ({
  store,
  cleanup,
}) => {
  const clock = createSteppedClock(START_MS);
  const log = await startLog(store, () => clock.now());
  const standIn = await startSetUp({
    clock,
    vehicles: [
      { ...vehicleIdentity(vin), plan: monthOf(DAYS), startMs: START_MS, reconnect: { minimumMs: 2, maximumMs: 20 } },
    ],
  });
  const { api } = standIn;
  cleanup.push(
    () => log.stop(),
    () => {
      const stopped = api.stop();
      clock.advance(10_000);
      return stopped;
    },
  );
  const config = { hostname: 'telemetry.example.com', port: log.port, ca: caPem, fields };
  await standIn.send(await standIn.ready(), config);
  clock.advance(1);
  const { simulated: car } = api.vehicle(vin);
  if (car === undefined) throw new Error('the configuration was not applied');

  /** Until every record has been acknowledged. Only a car that waits for its reconnect needs time. */
  const settle = async () => {
    for (let turns = 0; car.pending > 0; turns++) {
      await turn();
      if (!car.isConnected && turns % 50 === 49) clock.advance(1);
    }
  };
  const step = async (ms: number) => {
    clock.advance(ms);
    await settle();
  };
  /** A tunnel: the next record is lost on the way, or its ack. */
  const tunnel = async (loses: 'records' | 'acks') => {
    log.loses = loses;
    while (car.pending === 0) clock.advance(500);
    while (log.lost === 0) await turn();
    log.loses = 'nothing';
    log.lost = 0;
    car.cutConnection();
    await settle();
  };

  const usage = async () => ({
    signals: await readFleetSignalDays(store, [vin]),
    calls: [],
    nowMs: clock.now(),
    rate: signalRate(fields),
  });
  let foreseen: number | undefined;
  const tunnels = new Set<string>();
  while (clock.now() < START_MS + DAYS.length * DAY_MS - 120_000) {
    await step(car.phase === 'sleep' ? 120_000 : 60_000);
    const day = new Date(clock.now()).toISOString().slice(0, 10);
    const sent = api.vehicle(vin).signals.byDay[day] ?? 0;
    if (car.phase === 'drive' && car.isConnected && sent >= tunnelAfter && !tunnels.has(day)) {
      tunnels.add(day);
      await tunnel(tunnels.size % 2 === 0 ? 'records' : 'acks');
    }
    if (foreseen === undefined && clock.now() >= Date.parse('2026-09-10T12:00:00Z')) {
      await log.committed();
      foreseen = monthCost(await usage()).expected.signals;
    }
  }
  await log.committed();

  const { byDay, total } = api.vehicle(vin).signals;
  const month = await usage();
  const counted = new Map(month.signals.get(vin)!.map(({ day, count }) => [day, count]));
  const differences = DAYS.map((day) => Math.abs((counted.get(day) ?? 0) / (byDay[day] ?? 0) - 1));
  const resent = total - monthCost(month).soFar.signals;
  const figures = { signals: total, resent, worstDay: Math.max(...differences), foreseen, tunnels: tunnels.size };
  expect(figures.tunnels).toBeGreaterThanOrEqual(isLong ? 20 : 4);
  expect(resent).toBeGreaterThan(0);
  expect(figures.worstDay).toBeLessThan(0.02);
  expect(Math.abs(monthCost(month).soFar.signals / total - 1)).toBeLessThan(0.02);
  expect(Math.abs(foreseen! / total - 1)).toBeLessThan(0.1);
  console.log(figures);
});

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Work days with two drives, a long Saturday, a short Sunday; some days are longer than others. */
function monthOf(days: readonly string[]): PhasePlan[] {
  const drives = [0.6, 2, 1.8, 2.4, 2, 2.8, 1.2];
  return days.flatMap((day, index): PhasePlan[] => {
    const ofDay = drives[new Date(day).getUTCDay()]! * (1 + 0.3 * Math.sin(index * 2.1));
    const awake: PhasePlan[] = [
      { phase: 'drive', seconds: Math.round((driveSeconds * ofDay) / 2) },
      { phase: 'park', seconds: 120 },
      { phase: 'drive', seconds: Math.round((driveSeconds * ofDay) / 2) },
      { phase: 'charge', seconds: driveSeconds },
    ];
    const awakeSeconds = awake.reduce((sum, { seconds }) => sum + seconds, 0);
    const night: PhasePlan = { phase: 'sleep', seconds: 7 * 3_600 };
    return [night, ...awake, { phase: 'sleep', seconds: 86_400 - 7 * 3_600 - awakeSeconds }];
  });
}

/** What ingest does for one car, with entry ids of the car's month; and the dispatcher's keeper of snapshots and counts. */
async function startLog(store: Store, now: () => number) {
  const stored = new Set<string>();
  const appends: Promise<string | null>[] = [];
  const state = { loses: 'nothing' as 'nothing' | 'records' | 'acks', lost: 0 };
  const server = await startVehicleServer(({ txid, payload }) => {
    if (state.loses !== 'nothing') state.lost++;
    if (state.loses === 'records') return 'nothing';
    if (!stored.has(txid)) {
      stored.add(txid);
      const times = ['created', now(), 'received', now()];
      const entry = ['vin', vin, 'topic', 'V', 'txid', txid, ...times, 'version', '', 'payload', payload];
      appends.push(store.redis.xadd(store.keys(0).records, `${now()}-*`, ...entry));
    }
    return state.loses === 'acks' ? 'nothing' : 'ack';
  });
  const keeper = new SnapshotKeeper({
    store,
    partition: 0,
    owner: 'test',
    log: createLogger({ name: 'test', level: 'silent' }),
    counts: { records: 0, signals: {}, undecodable: 0, skippedEntries: 0, gaps: 0, commits: 0 },
  });
  await keeper.start();
  return Object.assign(state, {
    port: Number(new URL(server.url).port),
    async committed() {
      const last = (await Promise.all(appends)).at(-1);
      await eventually(async () => (await new SnapshotStore(store).cursor(0)) === last, 60_000);
    },
    async stop() {
      await keeper.stop();
      await server.stop();
    },
  });
}
