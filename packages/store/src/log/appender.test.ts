import { describe, expect } from 'vitest';
import { connectivity, it, VIN, vinOfPartition } from '../../test/appender-test.js';
import { PROCESS_LEASE_MS } from '../presence/presence.js';

const OTHER_VIN = '5YJ3E1EA7KF000002';

describe('Appender', () => {
  it('stores every field of a record unchanged', async ({ open }) => {
    const { append, entries } = open();
    const payload = Buffer.from([0, 1, 2, 255, 13, 10]);
    expect(
      await append({
        txid: 'tx',
        payload,
        payloadSuffix: Buffer.from('vin'),
        createdMs: 1_784_000_000_250,
        receivedMs: 1_784_000_000_300,
        version: '2026.20',
      }),
    ).toBe('stored');
    expect(await entries()).toMatchObject([
      {
        vin: VIN,
        topic: 'V',
        txid: 'tx',
        createdMs: 1_784_000_000_250,
        receivedMs: 1_784_000_000_300,
        version: '2026.20',
        payload: Buffer.concat([payload, Buffer.from('vin')]),
      },
    ]);
  });

  it('keeps the order of a thousand records over several calls', async ({ open }) => {
    const { append, entries } = open();
    const txids = Array.from({ length: 1_000 }, (_, n) => `tx-${n}`);
    const outcomes = await Promise.all(txids.map((txid) => append({ txid })));
    expect(new Set(outcomes)).toEqual(new Set(['stored']));
    expect((await entries()).map(({ txid }) => txid)).toEqual(txids);
  });

  it('stores a possible repeat once, and reports the repeat', async ({ open }) => {
    const { append, entries } = open();
    expect(await append({ txid: 'a' })).toBe('stored');
    expect(await append({ txid: 'a', kind: 'possible_repeat' })).toBe('repeat');
    expect(await append({ txid: 'b', kind: 'possible_repeat' })).toBe('stored');
    expect(await append({ txid: 'a', topic: 'alerts', kind: 'possible_repeat' })).toBe('stored');
    expect(await append({ txid: 'a', vin: OTHER_VIN, kind: 'possible_repeat' })).toBe('stored');
    expect(await entries()).toHaveLength(4);
  });

  it('finds a repeat of a dated record, even after newer records', async ({ open }) => {
    const { append, entries } = open();
    const dated = (txid: string, createdMs: number) => append({ txid, createdMs, kind: 'possible_repeat_dated' });
    expect(await dated('a', 1_000)).toBe('stored');
    expect(await dated('b', 2_000)).toBe('stored');
    // created before b but lost in transit: not a repeat, although it is older than the newest stored record
    expect(await dated('late', 1_500)).toBe('stored');
    expect(await Promise.all([dated('a', 1_000), dated('b', 2_000), dated('late', 1_500)])).toEqual([
      'repeat',
      'repeat',
      'repeat',
    ]);
    expect(await Promise.all([dated('c', 3_000), dated('c', 3_000)])).toEqual(['stored', 'repeat']);
    expect((await entries()).map(({ txid }) => txid)).toEqual(['a', 'b', 'late', 'c']);
  });

  it('finds a repeat of a record that was stored with the time of the log because its own was far in the future', async ({
    open,
  }) => {
    const { append, entries } = open();
    const aheadMs = Date.now() + 65_000;
    expect(await append({ txid: 'a', createdMs: aheadMs })).toBe('stored');
    expect((await entries())[0]!.createdMs).toBeLessThanOrEqual(Date.now());
    expect(await append({ txid: 'a', createdMs: aheadMs, kind: 'possible_repeat_dated' })).toBe('repeat');
    // a minute later its own time is no longer in the future
    expect(await append({ txid: 'a', createdMs: aheadMs - 65_000, kind: 'possible_repeat_dated' })).toBe('repeat');
    expect(await append({ txid: 'b', createdMs: aheadMs + 1_000, kind: 'possible_repeat_dated' })).toBe('stored');
    expect(await append({ txid: 'b', createdMs: aheadMs + 1_000, kind: 'possible_repeat_dated' })).toBe('repeat');
    const daysAhead = { createdMs: aheadMs + 10 * 86_400_000, kind: 'possible_repeat_dated' } as const;
    expect(await append({ txid: 'c', ...daysAhead })).toBe('stored');
    expect(await append({ txid: 'c', ...daysAhead })).toBe('repeat');
  });

  it('finds repeats after the ring was truncated', async ({ open }) => {
    const { append } = open();
    const send = (from: number) =>
      Promise.all(
        Array.from({ length: 3_000 - from }, (_, n) =>
          append({ txid: `tx-${from + n}`, createdMs: 1_000 + from + n, kind: 'possible_repeat_dated' }),
        ),
      );
    expect(new Set(await send(0))).toEqual(new Set(['stored']));
    expect(new Set(await send(3_000 - 1_024))).toEqual(new Set(['repeat']));
  });

  it('finds a repeat within one call', async ({ open }) => {
    const { append, entries } = open();
    expect(await Promise.all([append({ txid: 'a' }), append({ txid: 'a', kind: 'possible_repeat' })])).toEqual([
      'stored',
      'repeat',
    ]);
    expect(await entries()).toHaveLength(1);
  });

  it('does not treat records without a txid as repeats of each other', async ({ open }) => {
    const { append, entries } = open();
    const outcomes = await Promise.all([
      append({ txid: '', kind: 'possible_repeat' }),
      append({ txid: '', kind: 'possible_repeat' }),
    ]);
    expect(outcomes).toEqual(['stored', 'stored']);
    expect(await entries()).toHaveLength(2);
  });

  it('remembers at least the last 1,024 records of a vehicle in at most 16 KB', async ({ open, redis, store }) => {
    const { append } = open();
    await Promise.all(Array.from({ length: 5_000 }, (_, n) => append({ txid: `tx-${n}` })));
    const repeats = await Promise.all(
      Array.from({ length: 1_024 }, (_, n) => append({ txid: `tx-${5_000 - 1_024 + n}`, kind: 'possible_repeat' })),
    );
    expect(new Set(repeats)).toEqual(new Set(['repeat']));
    expect(await redis.strlen(store.keys(0).seenPrefix + VIN)).toBeLessThanOrEqual(16_384);
  });

  it('reports a record that Redis rejects permanently, and still stores records of other partitions', async ({
    open,
    redis,
    store,
  }) => {
    const { append } = open({ partitions: 2 });
    const [first, second] = [vinOfPartition(0, 2), vinOfPartition(1, 2)];
    await redis.set(store.keys(0).records, 'not a stream');
    expect(await Promise.all([append({ vin: first }), append({ vin: second })])).toEqual(['failed', 'stored']);
  });

  it('sends the records of one event loop turn in one call', async ({ open }) => {
    const calls: number[] = [];
    const { append } = open({ onCall: ({ records }) => calls.push(records) });
    await Promise.all(Array.from({ length: 100 }, (_, n) => append({ txid: `tx-${n}` })));
    expect(calls).toEqual([100]);
  });
});

describe('Appender, for presence', () => {
  it('changes presence together with the connectivity record, once per change', async ({ open }) => {
    const { append, entries, presence } = open();
    expect(await append(connectivity('connect', 'c-1'))).toBe('stored');
    expect(await append(connectivity('connect', 'c-1'))).toBe('repeat');
    expect(await presence.of(VIN)).toEqual({
      vin: VIN,
      connectionId: 'c-1',
      processId: 'process-1',
      sinceMs: 2,
      networkInterface: 'wifi',
    });
    expect(await append(connectivity('disconnect', 'c-1'))).toBe('stored');
    expect(await append(connectivity('disconnect', 'c-1'))).toBe('repeat');
    expect(await presence.of(VIN)).toBeUndefined();
    expect((await entries()).map(({ topic, txid }) => [topic, txid])).toEqual([
      ['connectivity', 'c-1'],
      ['connectivity', 'c-1'],
    ]);
  });

  it('ignores the late close of a connection that has been replaced', async ({ open }) => {
    const { append, presence } = open();
    await append(connectivity('connect', 'old'));
    await append(connectivity('connect', 'new'));
    expect(await append(connectivity('disconnect', 'old'))).toBe('repeat');
    expect((await presence.of(VIN))?.connectionId).toBe('new');
  });

  it('restores presence on a reconnect unless the vehicle has another connection', async ({ open }) => {
    const { append, entries, presence } = open();
    await append(connectivity('connect', 'c-1'));
    expect(await append(connectivity('reconnect', 'c-1'))).toBe('repeat');
    await append(connectivity('disconnect', 'c-1'));
    expect(await append(connectivity('reconnect', 'c-1'))).toBe('stored');
    await append(connectivity('connect', 'c-2'));
    expect(await append(connectivity('reconnect', 'c-1'))).toBe('elsewhere');
    expect((await presence.of(VIN))?.connectionId).toBe('c-2');
    expect(await entries()).toHaveLength(4);
  });

  it('keeps the order of a connect, its records and a disconnect', async ({ open }) => {
    const { append, entries } = open();
    await Promise.all([
      append(connectivity('connect', 'c-1')),
      append({ txid: 'a' }),
      append(connectivity('disconnect', 'c-1')),
      append({ txid: 'b' }),
    ]);
    expect((await entries()).map(({ txid }) => txid)).toEqual(['c-1', 'a', 'c-1', 'b']);
  });

  it('keeps presence while the process is alive, and clears it when the process is dead', async ({ open }) => {
    const { append, entries, presence } = open();
    await append(connectivity('connect', 'c-1'));
    expect(await presence.renewProcess('process-1', 60_000)).toBe(false);
    expect(await presence.renewProcess('process-1', 60_000)).toBe(true);
    expect(await presence.reportDead(0, 5_000)).toEqual([]);
    await presence.endProcess('process-1');
    expect((await presence.reportDead(0, 5_000)).map(({ connectionId }) => connectionId)).toEqual(['c-1']);
    expect(await presence.reportDead(0, 5_000)).toEqual([]);
    expect(await presence.all()).toEqual([]);
    expect((await entries()).map(({ topic, createdMs }) => [topic, createdMs])).toEqual([
      ['connectivity', 1],
      ['connectivity', 5_000],
    ]);
  });

  it('clears it in time when the clock of Redis was set back by an hour', async ({ open, redis, store }) => {
    const { append, presence } = open();
    await append(connectivity('connect', 'c-1'));
    // the expiry is a time of the clock before
    await presence.renewProcess('process-1', 3_600_000);
    expect(await presence.reportDead(0, 5_000)).toEqual([]);
    expect(await redis.pttl(store.keys(0).process('process-1'))).toBeLessThanOrEqual(PROCESS_LEASE_MS);
  });
});
