// Failures that must affect one record or one client only, never the process.
import { get } from 'node:http';
import { eventually } from '@fleetbridge/testing';
import { credentials, Metadata, makeGenericClientConstructor, status } from '@grpc/grpc-js';
import { describe, expect } from 'vitest';
import { telemetryService } from '../src/grpc/grpc-services.js';
import { type Rig, TOKEN, VIN } from './streaming-rig.js';
import { it } from './streaming-test.js';

/** No Date has this time: the conversion of the record throws. */
const IMPOSSIBLE_MS = 9e15;

describe('a record that can not be converted', () => {
  it('is skipped, counted and logged for a client of server-sent events', async ({ startRig }) => {
    const rig = await startRig();
    const events = await openEvents(rig);
    await appendBadAndGood(rig);
    await eventually(() => events.text().includes('soc-51'));
    expect(events.text()).not.toContain('soc-50');
    expectOneSkipped(rig, 'events');
  });

  it('is skipped, counted and logged for a client of raw records', async ({ startRig, connect }) => {
    const rig = await startRig();
    const raw = await connect(rig.wsUrl);
    raw.send({ msg_type: 'data:subscribe_all', token: TOKEN });
    await eventually(() => raw.messages.length === 1);
    await appendBadAndGood(rig);
    await eventually(() => raw.messages.some((text) => text.includes('soc-51')));
    expect(raw.messages.join()).not.toContain('soc-50');
    expectOneSkipped(rig, 'raw');
  });
});

describe('a failure of our own code', () => {
  it('during a subscribe to raw records closes that client with 1011', async ({ startRig, connect }) => {
    const rig = await startRig();
    rig.access.identify = () => Promise.reject(new TypeError('a mistake'));
    const raw = await connect(rig.wsUrl);
    raw.send({ msg_type: 'data:subscribe_all', token: TOKEN });
    await eventually(() => raw.closes.length === 1);
    expect(raw.closes).toEqual([1011]);
    expect(rig.counts.ended).toEqual({ raw_1011: 1 });
  });

  it('while records are read ends each client as its protocol has it', async ({ startRig, connect }) => {
    const rig = await startRig();
    const events = await openEvents(rig);
    const raw = await connect(rig.wsUrl);
    raw.send({ msg_type: 'data:subscribe_all', token: TOKEN });
    const codes = await openSubscription(rig);
    await eventually(() => raw.messages.length === 1);
    const { position } = rig.records;
    let failures = 0;
    rig.records.position = (partition) => {
      if (new Error().stack?.includes('drainQueue')) {
        failures++;
        throw new TypeError('a mistake');
      }
      return position.call(rig.records, partition);
    };
    await rig.soc(50);
    await eventually(() => raw.closes.length === 1 && codes.length === 1 && events.isClosed());
    expect(failures).toBe(3);
    expect(raw.closes).toEqual([1011]);
    expect(codes).toEqual([status.UNAVAILABLE]);
    await eventually(() => Object.keys(rig.live.count()).length === 0);
    expect(rig.counts.ended).toMatchObject({ raw_1011: 1, internal_error: 2 });
  });

  it('in a later step of a replay ends that subscriber', async ({ startRig, connect, redis }) => {
    const rig = await startRig({ pace: { replayFramesPerSecond: 20, pingEveryMs: 10 } });
    const { VehicleLog, driving } = await import('./vehicle-log.js');
    const vehicle = new VehicleLog(redis, rig.namespace, VIN);
    const subscribe = async () => {
      const client = await connect(rig.wsUrl);
      client.send({ msg_type: 'data:subscribe_oauth', token: TOKEN, value: 'speed', tag: VIN });
      return client;
    };
    await vehicle.connect();
    await vehicle.send(driving, 1_000);
    const first = await subscribe();
    await eventually(() => first.messages.length === 2);
    await eventually(() => rig.counts.slots === 1);
    const feed = rig.feeds.of(VIN);
    first.socket.terminate();
    await eventually(() => feed.subscribers === 0);
    for (let n = 0; n < 10; n++) await vehicle.send({ VehicleSpeed: 40 + n }, 2_000 + n);
    await eventually(() => feed.present?.values.speed === '49');
    const second = await subscribe();
    await eventually(() => second.messages.length >= 3);
    feed.messages.of = () => {
      throw new TypeError('a mistake');
    };
    await eventually(() => second.closes.length === 1);
    expect(second.closes).toEqual([1006]);
    expect(rig.counts.ended).toMatchObject({ internal_error: 1 });
  });
});

async function appendBadAndGood(rig: Rig): Promise<void> {
  await rig.soc(50, { atMs: IMPOSSIBLE_MS });
  await rig.soc(51);
}

function expectOneSkipped(rig: Rig, kind: string): void {
  expect(rig.counts.skippedRecords).toBe(1);
  const lines = rig.lines.filter(({ event }) => event === 'record_skipped');
  expect(lines).toEqual([expect.objectContaining({ entry: expect.stringMatching(/^\d+-\d+$/), vin: VIN, kind })]);
}

async function openEvents(rig: Rig) {
  let text = '';
  let isClosed = false;
  const request = get(`${rig.url}/events?token=${TOKEN}`, (response) => {
    response.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
    });
    response.on('error', () => {});
    response.on('close', () => {
      isClosed = true;
    });
  });
  request.on('error', () => {});
  rig.cleanup.push(() => request.destroy());
  await eventually(() => rig.live.count().events === 1 && text !== '');
  return { text: () => text, isClosed: () => isClosed };
}

/** Returns the codes with which the call ends. */
async function openSubscription(rig: Rig): Promise<number[]> {
  const codes: number[] = [];
  const Telemetry = makeGenericClientConstructor(telemetryService, 'Telemetry');
  const client = new Telemetry(rig.grpcAddress, credentials.createInsecure());
  rig.cleanup.push(() => client.close());
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${TOKEN}`);
  // biome-ignore lint/suspicious/noExplicitAny: clients of grpc-js are made at run time
  const call = (client as any).Subscribe({}, metadata);
  call.on('data', () => {});
  call.on('error', ({ code }: { code: number }) => codes.push(code));
  await new Promise((resolve) => call.once('metadata', resolve));
  return codes;
}
