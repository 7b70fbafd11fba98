// Order, gaps and repeats of what a client is told, against a real Redis whose tail runs beside the reading of pages.
import { encodeMessage, Field, timestampOf } from '@fleetbridge/protocol';
import { connectRedis, LogPages, LogTail, type RedisConnection, Store, whenReady } from '@fleetbridge/store';
import { type DisposableRedis, eventually, startRedis } from '@fleetbridge/testing';
import { cleanupAfterEach } from '@fleetbridge/testing/cleanup';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseCursor } from './log-cursor.js';
import { LogRecords } from './log-records.js';
import { RecordStream, type StreamStart } from './record-stream.js';

const VIN = '5YJ3E1EA7KF000001';
const OTHER = '5YJ3E1EA7KF000002';
let redisServer: DisposableRedis;
let redis: RedisConnection;
let namespaces = 0;
const cleanUp = cleanupAfterEach();

beforeAll(async () => {
  redisServer = await startRedis();
  redis = connectRedis({ url: redisServer.url, name: 'test' });
  await whenReady(redis, 5_000);
});
afterAll(async () => {
  redis.disconnect();
  await redisServer.stop();
});

describe('a stream of records', () => {
  it('begins with the next record of its vehicles', async () => {
    const log = await openLog();
    await log.append(VIN, 1);
    const client = log.client({ vins: [VIN] });
    await log.append(OTHER, 2);
    await log.append(VIN, 3);
    await eventually(() => client.numbers.length === 1);
    expect(client.numbers).toEqual([3]);
  });

  it('goes on after a cursor, through pages and into what comes', async () => {
    const log = await openLog();
    for (let n = 1; n <= 450; n++) await log.append(n % 3 === 0 ? OTHER : VIN, n);
    const first = log.client({ vins: [VIN], start: { kind: 'time', fromMs: 0 } });
    await eventually(() => first.numbers.length === 300);
    const { cursor } = first.items[9]!;
    const second = log.client({ vins: [VIN], start: { kind: 'cursor', positions: parseCursor(cursor, 1)! } });
    for (let n = 451; n <= 500; n++) await log.append(VIN, n);
    await eventually(() => second.numbers.at(-1) === 500);
    expect(second.numbers).toEqual([...first.numbers.slice(10, 300), ...range(451, 500)]);
  });

  it('begins with the first record received at or after a time', async () => {
    const log = await openLog();
    for (let n = 1; n <= 20; n++) await log.append(VIN, n, { receivedMs: 1_000 * n });
    const client = log.client({ start: { kind: 'time', fromMs: 15_000 } });
    await eventually(() => client.numbers.length === 6);
    expect(client.numbers).toEqual(range(15, 20));
  });

  it('keeps everything in order for a client that is slower than the log, and holds no more than its queue', async () => {
    const log = await openLog();
    const client = log.client({ queueRecords: 5, isPaused: true });
    await log.append(VIN, 0);
    await eventually(() => client.isWaiting);
    for (let n = 1; n <= 300; n++) await log.append(VIN, n);
    client.resume();
    for (let n = 301; n <= 400; n++) await log.append(VIN, n);
    await eventually(() => client.numbers.at(-1) === 400);
    expect(client.numbers).toEqual(range(0, 400));
  });

  it('of all vehicles resumes every partition where it was', async () => {
    const log = await openLog(4);
    const vins = range(1, 8).map((n) => `5YJ3E1EA7KF00000${n}`);
    const client = log.client({});
    for (let n = 1; n <= 200; n++) await log.append(vins[n % 8]!, n);
    await eventually(() => client.numbers.length === 200);
    const at = 77;
    const positions = parseCursor(client.items[at]!.cursor, 4)!;
    expect(positions.size).toBe(4);
    const second = log.client({ start: { kind: 'cursor', positions } });
    await eventually(() => second.numbers.length === 200 - at - 1);
    expect(new Set(second.numbers)).toEqual(new Set(client.numbers.slice(at + 1)));
  });

  it('tells of a gap when the log no longer has what follows the cursor', async () => {
    const log = await openLog();
    for (let n = 1; n <= 10; n++) await log.append(VIN, n);
    const first = log.client({ start: { kind: 'time', fromMs: 0 } });
    await eventually(() => first.numbers.length === 10);
    await redis.xtrim(log.keys(0).records, 'MAXLEN', 4);
    const positions = parseCursor(first.items[1]!.cursor, 1)!;
    const second = log.client({ start: { kind: 'cursor', positions } });
    await eventually(() => second.numbers.length === 4);
    expect(second.gaps).toBe(1);
    expect(second.numbers).toEqual(range(7, 10));
  });

  it('that hears nothing moves its cursor on all the same', async () => {
    const log = await openLog();
    const client = log.client({ vins: [OTHER] });
    await log.append(VIN, 1);
    const id = await log.append(VIN, 2);
    expect(client.stream.cursor).toBe(`0:${id}`);
  });

  it('survives a Redis that is away for a moment', async () => {
    const log = await openLog();
    for (let n = 1; n <= 3; n++) await log.append(VIN, n);
    await redisServer.kill();
    const client = log.client({ start: { kind: 'time', fromMs: 0 } });
    await redisServer.start();
    await eventually(() => client.numbers.length === 3);
  });
});

describe('a cursor', () => {
  it.each(['', 'x', '0', '0:', '0:1', '1:1-1', '0:1-1;', '0:1-1,', ' ', '-1:1-1', '00000:1-1'])('is not %j', (text) => {
    expect(parseCursor(text, 1)).toBeUndefined();
  });

  it('may be joined from those of several vehicles, the earlier place counting', () => {
    expect(parseCursor('1:9-0,0:3-0,1:10-0,1:9-1', 2)).toEqual(
      new Map([
        [1, '9-0'],
        [0, '3-0'],
      ]),
    );
  });
});

async function openLog(partitions = 1) {
  const namespace = `stream-${namespaces++}`;
  const store = new Store({ redis, url: redisServer.url, namespace, partitions });
  const records = new LogRecords({
    pages: new LogPages(store),
    store,
    readTo: (partition) => tails[partition]!.cursor,
  });
  const tails = store.mapPartitions(({ partition }) => {
    const tail = new LogTail({
      store,
      partition,
      from: '0-0',
      onEntry: (entry) => records.publish(partition, entry, undefined),
      onSkipped: ({ error }) => expect.unreachable(String(error)),
    });
    tail.start();
    cleanUp.push(() => tail.stop());
    return tail;
  });
  await Promise.all(tails.map((tail) => tail.caughtUp));
  const append = async (vin: string, number: number, { receivedMs = Date.now() } = {}) => {
    const { partition, records: key } = store.keysOf(vin);
    const data = [{ key: Field.Soc, value: { doubleValue: number } }];
    const payload = encodeMessage('V', { data, vin, createdAt: timestampOf(1) });
    const fields = { vin, topic: 'V', txid: String(number), created: 1, received: receivedMs, version: '' };
    const pairs = [...Object.entries(fields).flat(), 'payload', payload];
    const id = (await redis.xadd(key, '*', ...pairs))!;
    // mostly together, sometimes apart: the tail and the pages race as they do in life
    if (number % 7 !== 0) await eventually(() => records.position(partition) === id);
    return id;
  };
  const client = (options: { vins?: string[]; start?: StreamStart; queueRecords?: number; isPaused?: boolean }) => {
    const { vins, start = { kind: 'live' }, isPaused = false, ...rest } = options;
    const stream = new RecordStream({ records, vins, start, ...rest });
    cleanUp.push(() => stream.stop());
    let resume = () => {};
    const gate = isPaused
      ? new Promise<void>((resolve) => {
          resume = resolve;
        })
      : undefined;
    const told = {
      stream,
      items: [] as { cursor: string }[],
      numbers: [] as number[],
      gaps: 0,
      isWaiting: false,
      resume,
    };
    void (async () => {
      for await (const item of stream) {
        told.isWaiting = true;
        await gate;
        if (item.kind === 'gap') {
          told.gaps++;
          continue;
        }
        told.items.push(item);
        told.numbers.push(Number(item.record.entry.txid));
      }
    })();
    return told;
  };
  return { append, client, keys: (partition: number) => store.keys(partition) };
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
