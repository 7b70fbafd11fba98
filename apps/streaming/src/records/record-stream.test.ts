// Order, gaps and repeats of a client's records, against a real Redis whose tail runs beside the reading of pages.
import { encodeMessage, Field, timestampOf } from '@fleetbridge/protocol';
import { LogPages, LogTail, Store } from '@fleetbridge/store';
import { type RedisTestContext, it as redisTest } from '@fleetbridge/store/testing';
import { eventually } from '@fleetbridge/testing';
import { describe, expect } from 'vitest';
import { parseCursor } from './log-cursor.js';
import { LogRecords } from './log-records.js';
import { RecordStream, type StreamStart } from './record-stream.js';

const VIN = '5YJ3E1EA7KF000001';
const OTHER = '5YJ3E1EA7KF000002';

const it = redisTest.extend<{ openLog: (partitions?: number) => ReturnType<typeof createLog> }>({
  openLog: async ({ redisServer, redis, namespace, cleanup }, use) => {
    await use((partitions = 1) => createLog({ redisServer, redis, namespace, cleanup }, partitions));
  },
});

describe('a stream of records', () => {
  it('starts with the next record of its vehicles', async ({ openLog }) => {
    const log = await openLog();
    await log.append(VIN, 1);
    const client = log.client({ vins: [VIN] });
    await log.append(OTHER, 2);
    await log.append(VIN, 3);
    await eventually(() => client.numbers.length === 1);
    expect(client.numbers).toEqual([3]);
  });

  it('continues after a cursor, through pages and into live records', async ({ openLog }) => {
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

  it('starts with the first record received at or after a time', async ({ openLog }) => {
    const log = await openLog();
    for (let n = 1; n <= 20; n++) await log.append(VIN, n, { receivedMs: 1_000 * n });
    const client = log.client({ start: { kind: 'time', fromMs: 15_000 } });
    await eventually(() => client.numbers.length === 6);
    expect(client.numbers).toEqual(range(15, 20));
  });

  it('keeps everything in order for a client that is slower than the log, and holds no more than its queue', async ({
    openLog,
  }) => {
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

  it('of all vehicles resumes every partition at its position', async ({ openLog }) => {
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

  it('reports a gap when the records after the cursor were trimmed', async ({ openLog, redis }) => {
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

  it('without matching records advances its cursor all the same', async ({ openLog }) => {
    const log = await openLog();
    const client = log.client({ vins: [OTHER] });
    await log.append(VIN, 1);
    const id = await log.append(VIN, 2);
    expect(client.stream.cursor).toBe(`0:${id}`);
  });

  it('survives a short outage of Redis', async ({ openLog, redisServer }) => {
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

  it('can be joined from several vehicles, and the earlier position applies', () => {
    expect(parseCursor('1:9-0,0:3-0,1:10-0,1:9-1', 2)).toEqual(
      new Map([
        [1, '9-0'],
        [0, '3-0'],
      ]),
    );
  });
});

async function createLog(
  { redisServer, redis, namespace, cleanup }: Omit<RedisTestContext, 'store'>,
  partitions: number,
) {
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
    cleanup.push(() => tail.stop());
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
    // mostly in step, sometimes not: the tail and the pages race as in production
    if (number % 7 !== 0) await eventually(() => records.position(partition) === id);
    return id;
  };
  const client = (options: { vins?: string[]; start?: StreamStart; queueRecords?: number; isPaused?: boolean }) => {
    const { vins, start = { kind: 'live' }, isPaused = false, ...rest } = options;
    const stream = new RecordStream({ records, vins, start, ...rest });
    cleanup.push(() => stream.stop());
    let resume = () => {};
    const gate = isPaused
      ? new Promise<void>((resolve) => {
          resume = resolve;
        })
      : undefined;
    const received = {
      stream,
      items: [] as { cursor: string }[],
      numbers: [] as number[],
      gaps: 0,
      isWaiting: false,
      resume,
    };
    void (async () => {
      for await (const item of stream) {
        received.isWaiting = true;
        await gate;
        if (item.kind === 'gap') {
          received.gaps++;
          continue;
        }
        received.items.push(item);
        received.numbers.push(Number(item.record.entry.txid));
      }
    })();
    return received;
  };
  return { append, client, keys: (partition: number) => store.keys(partition) };
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
