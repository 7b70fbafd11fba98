// Frames and /vehicles of vehicles with wrong clocks, and of a machine whose clock was behind. Records are appended as
// ingest does it.
import { DetailedChargeState, encodeMessage, Field, ShiftState, timestampOf } from '@fleetbridge/protocol';
import { TeslaMateClient } from '@fleetbridge/simulator';
import { Appender, type RedisConnection } from '@fleetbridge/store';
import { eventually } from '@fleetbridge/testing';
import { describe, expect } from 'vitest';
import { OTHER_VIN, type Rig, TOKEN, VIN } from './streaming-rig.js';
import { it } from './streaming-test.js';

const HOUR_MS = 3_600_000;
const location = { key: Field.Location, value: { locationValue: { latitude: 48.1, longitude: 11.5 } } };
const gear = (state: number) => ({ key: Field.Gear, value: { shiftStateValue: state } });
const charge = (state: number, kw: number) => [
  { key: Field.DetailedChargeState, value: { detailedChargeStateValue: state } },
  { key: Field.ACChargingPower, value: { doubleValue: kw } },
];
const speed = (mph: number) => ({ key: Field.VehicleSpeed, value: { doubleValue: mph } });
const disconnected = charge(DetailedChargeState.DetailedChargeStateDisconnected, 0);
const charging = charge(DetailedChargeState.DetailedChargeStateCharging, 11.2);

describe('a vehicle with a wrong clock', () => {
  it.for([45_000, 20_000, 300_000])('%i ms ahead does not delay what follows', async (aheadMs, { startRig }) => {
    const rig = await startRig();
    const { send } = sender(rig);
    await rig.presence(true);
    await send([location, gear(ShiftState.ShiftStateP), ...disconnected], Date.now() + aheadMs);
    const client = await follow(rig);
    await client.waitFor(({ frames }) => frames.length === 1);
    // the clock is right again, ahead, and right
    await send(charging, Date.now());
    await client.waitFor(({ frames }) => frames.at(-1)?.power === -11);
    expect(await signalsOf(rig)).toMatchObject({
      DetailedChargeState: { value: 'DetailedChargeStateCharging' },
      ACChargingPower: { value: 11.2 },
    });
    await send(disconnected, Date.now() + aheadMs);
    await client.waitFor(({ frames }) => frames.at(-1)?.power === 0);
    await send(charging, Date.now());
    await client.waitFor(({ frames }) => frames.at(-1)?.power === -11);
    const times = client.frames.map(({ timeMs }) => timeMs);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(times.at(-1)).toBeLessThanOrEqual(Date.now());
    expect(client.frames).toHaveLength(4);
  });

  it('whose record arrives late keeps its newer values', async ({ startRig }) => {
    const rig = await startRig();
    const { send } = sender(rig);
    await rig.presence(true);
    await send([location, gear(ShiftState.ShiftStateP), ...charging], Date.now());
    const client = await follow(rig);
    await client.waitFor(({ frames }) => frames.length === 1);
    await send([...disconnected, { key: Field.Soc, value: { doubleValue: 50 } }], Date.now() - 600_000);
    expect(await signalsOf(rig)).toMatchObject({ ACChargingPower: { value: 11.2 }, Soc: { value: 50 } });
    await send([speed(0)], Date.now());
    await client.waitFor(({ frames }) => frames.length === 2);
    expect(client.frames.map(({ power }) => power)).toEqual([-11, -11]);
  });
});

describe('a machine whose clock was set back', () => {
  it.for([5_000, 60_000, 8 * 24 * HOUR_MS])(
    'by %i ms under one driving vehicle sends its frames without a pause',
    async (backMs, { startRig, redis }) => {
      const rig = await startRig();
      const { send } = sender(rig);
      await rig.presence(true);
      const beforeMs = Date.now() + backMs;
      await appendAt(rig, redis, beforeMs, [location, gear(ShiftState.ShiftStateD), speed(10)]);
      const client = await follow(rig);
      await client.waitFor(({ frames }) => frames.length === 1);
      for (const mph of [20, 30, 40]) {
        await send([speed(mph)], beforeMs + mph * 100);
        await client.waitFor(({ frames }) => frames.at(-1)?.speed === mph);
      }
      // late: its speed is older, its state of charge is new
      await send([speed(15), { key: Field.Soc, value: { doubleValue: 50 } }], beforeMs - 60_000);
      expect(await signalsOf(rig)).toMatchObject({ VehicleSpeed: { value: 40 }, Soc: { value: 50 } });
      const times = client.frames.map(({ timeMs }) => timeMs - beforeMs);
      // a small step may be the difference between two machines: the newest entry limits the times
      expect(times).toEqual(backMs > 10_000 ? [0, 2_000, 3_000, 4_000] : [0, 0, 0, 0]);
    },
  );

  it('has states and frames at the times of the vehicles, of two vehicles and after a restart', async ({
    startRig,
    redis,
  }) => {
    let rig = await startRig({ pace: { driveBeginsMs: 10 } });
    let { send } = sender(rig);
    const trueMs = Date.now() + 2 * HOUR_MS;
    for (const vin of [VIN, OTHER_VIN]) {
      await appendAt(rig, redis, trueMs, [location, gear(ShiftState.ShiftStateP)], vin);
    }
    await rig.presence(true);
    const client = await follow(rig);
    await client.waitFor(({ frames }) => frames.length === 1);
    await send([gear(ShiftState.ShiftStateD)], trueMs + 60_000);
    await client.waitFor(({ frames }) => frames.length === 2);
    expect(client.frames[1]).toMatchObject({ timeMs: trueMs + 60_000, shiftState: 'D' });
    await send([gear(ShiftState.ShiftStateR)], trueMs + 61_000, OTHER_VIN);
    const time = (ms: number) => new Date(trueMs + ms).toISOString();
    expect(await signalsOf(rig, OTHER_VIN)).toMatchObject({ Gear: { value: 'ShiftStateR', time: time(61_000) } });

    client.stop();
    await rig.stop();
    rig = await startRig({ pace: { driveBeginsMs: 10 } });
    ({ send } = sender(rig));
    expect(await signalsOf(rig)).toMatchObject({ Gear: { value: 'ShiftStateD', time: time(60_000) } });
    const again = await follow(rig);
    await send([gear(ShiftState.ShiftStateP)], trueMs + 62_000);
    await again.waitFor(({ frames }) => frames.at(-1)?.timeMs === trueMs + 62_000);
    // what the first client had not confirmed is repeated: nothing, the frame with D, or that and the last one before it
    const times = again.frames.map(({ timeMs }) => timeMs - trueMs);
    expect([[62_000], [60_000, 62_000], [0, 60_000, 62_000]]).toContainEqual(times);
  });
});

/** Appends as ingest does; resolves when the server has read the record. */
function sender({ store, cleanup, redis, records }: Rig) {
  const appender = new Appender({ store, processId: () => 'p' });
  cleanup.push(() => appender.stop());
  let count = 0;
  const send = async (data: Signals, createdMs: number, vin = VIN) => {
    const payload = encodeMessage('V', { vin, createdAt: timestampOf(createdMs), data });
    const txid = Buffer.from(`${process.pid}-${Math.random()}-${count++}`);
    const record = { kind: 'record', vin, topic: 'V', txid, createdMs, receivedMs: Date.now(), version: '', payload };
    const outcome = await new Promise((settled) => appender.append({ ...record, kind: 'record' }, { settled }));
    expect(outcome).toBe('stored');
    const [[id] = ['']] = await redis.xrevrange(store.keys(0).records, '+', '-', 'COUNT', 1);
    await eventually(() => records.position(0) === id);
  };
  return { send };
}

type Signals = { key: number; value: object }[];

/** Appends as before the clock was set back: the id of the entry is in the future. */
async function appendAt({ store }: Rig, redis: RedisConnection, ms: number, data: Signals, vin = VIN): Promise<void> {
  const payload = encodeMessage('V', { vin, createdAt: timestampOf(ms), data });
  const fields = { vin, topic: 'V', txid: vin, created: ms, received: ms, version: '' };
  await redis.xadd(store.keys(0).records, `${ms}-*`, ...Object.entries(fields).flat(), 'payload', payload);
}

async function follow(rig: Rig): Promise<TeslaMateClient> {
  const client = new TeslaMateClient({ url: rig.origin, token: TOKEN, tag: VIN });
  rig.cleanup.push(() => client.stop());
  await client.connect();
  return client;
}

// biome-ignore lint/suspicious/noExplicitAny: the response is JSON of any shape
async function signalsOf({ url }: Rig, vin = VIN): Promise<any> {
  const response = await fetch(`${url}/vehicles/${vin}`, { headers: { authorization: `Bearer ${TOKEN}` } });
  return ((await response.json()) as { signals: object }).signals;
}
