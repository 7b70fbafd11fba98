// What the appender does while Redis is away, full or replaced, and when the network loses or delays calls and answers.
import { eventually, sendRedisCommand, startRedis, startTcpRelay } from '@fleetbridge/testing';
import { describe, expect } from 'vitest';
import { connectivity, connectTo, it, record, VIN } from '../../test/appender-test.js';
import { startHoldingRelay } from '../../test/holding-relay.js';
import { Appender } from './appender.js';

describe('Appender, when calls to Redis fail', () => {
  it('stores a record once when the answer is lost', async ({ open, redisServer, cleanup }) => {
    const relay = await startTcpRelay(redisServer.port);
    const through = await connectTo(relay, cleanup);
    const troubles: string[] = [];
    const { append, entries } = open({
      redis: through,
      callTimeoutMs: 300,
      onTrouble: (error) => troubles.push(error.message),
    });

    expect(await append({ txid: 'before' })).toBe('stored');
    relay.losesAnswers = true;
    const lost = Array.from({ length: 20 }, (_, n) => append({ txid: `lost-${n}` }));
    await eventually(async () => (await entries()).length === 21);
    const later = append({ txid: 'later' });
    await eventually(() => troubles.length > 0);
    relay.losesAnswers = false;
    relay.cut();

    expect(new Set(await Promise.all(lost))).toEqual(new Set(['repeat']));
    expect(await later).toBe('stored');
    expect((await entries()).map(({ txid }) => txid)).toEqual([
      'before',
      ...Array.from({ length: 20 }, (_, n) => `lost-${n}`),
      'later',
    ]);
  });

  it('stores a record without a txid once when the answer is lost', async ({ open, redisServer, cleanup }) => {
    const relay = await startTcpRelay(redisServer.port);
    const through = await connectTo(relay, cleanup);
    const { append, entries } = open({ redis: through, callTimeoutMs: 300 });
    relay.losesAnswers = true;
    const outcome = append({ txid: '' });
    await eventually(async () => (await entries()).length === 1);
    relay.losesAnswers = false;
    relay.cut();
    expect(await outcome).toBe('repeat');
    expect(await entries()).toHaveLength(1);
  });

  it('stores a queued record once when its vehicle resends it to another process', async ({
    open,
    redisServer,
    store,
    cleanup,
  }) => {
    const relay = await startTcpRelay(redisServer.port);
    const through = await connectTo(relay, cleanup);
    const { appender, append, entries } = open({ redis: through, callTimeoutMs: 300 });
    relay.losesAnswers = true;
    const first = append({ txid: 'in flight' });
    await eventually(async () => (await entries()).length === 1);
    const second = append({ txid: 'queued' });
    await eventually(() => appender.isInTrouble);

    const other = new Appender({ store, processId: () => 'process-2' });
    cleanup.push(() => other.stop());
    const again = record({ txid: 'queued', kind: 'possible_repeat' });
    expect(await new Promise((settled) => other.append(again, { settled }))).toBe('stored');
    relay.losesAnswers = false;
    relay.cut();
    expect(await first).toBe('repeat');
    expect(await second).toBe('repeat');
    expect((await entries()).map(({ txid }) => txid)).toEqual(['in flight', 'queued']);
  });

  it('stores no record twice when the network delivers a call after its retry', async ({
    open,
    redisServer,
    cleanup,
  }) => {
    const relay = await startHoldingRelay(redisServer.port);
    const through = await connectTo(relay, cleanup);
    const { append, entries } = open({ redis: through, callTimeoutMs: 200 });
    expect(await append({ txid: 'before' })).toBe('stored');
    relay.hold();
    const outcomes = [append({ txid: 'a' }), append({ txid: 'b' })];
    await eventually(() => relay.heldBytes > 0);
    relay.cut();
    expect(await Promise.all(outcomes)).toEqual(['stored', 'stored']);
    expect(await append({ txid: 'c' })).toBe('stored');
    await relay.deliverHeld();
    expect((await entries()).map(({ txid }) => txid)).toEqual(['before', 'a', 'b', 'c']);
  });

  it('stores a record once when its call arrives after its vehicle has resent it to another process', async ({
    open,
    redisServer,
    store,
    cleanup,
  }) => {
    const relay = await startHoldingRelay(redisServer.port);
    const through = await connectTo(relay, cleanup);
    const { append, entries } = open({ redis: through });
    expect(await append({ txid: 'before' })).toBe('stored');
    relay.hold();
    const delayed = append({ txid: 'a' });
    await eventually(() => relay.heldBytes > 0);
    const sentMs = performance.now();
    const other = new Appender({ store, processId: () => 'process-2' });
    cleanup.push(() => other.stop());
    const again = record({ txid: 'a', kind: 'possible_repeat' });
    expect(await new Promise((settled) => other.append(again, { settled }))).toBe('stored');
    // a vehicle resends no earlier than this
    await eventually(() => performance.now() - sentMs > 300);
    await relay.deliverHeld();
    expect(await delayed).toBe('repeat');
    expect((await entries()).map(({ txid }) => txid)).toEqual(['before', 'a']);
  });

  it.for([0, 1])(
    'finds the new master behind its URL, with %i replicas to wait for',
    async (ackReplicas, { open, store, cleanup }) => {
      const [old, promoted] = await Promise.all([0, 1].map(() => startRedis(['--repl-diskless-sync-delay', '0'])));
      const relay = await startTcpRelay(old!.port);
      cleanup.push(() => Promise.all([old!.stop(), promoted!.stop()]));
      const through = await connectTo(relay, cleanup);
      await sendRedisCommand(promoted!.port, 'REPLICAOF', '127.0.0.1', old!.port);
      const { append, appender } = open({ redis: through, ackReplicas });
      expect(await append({ txid: '1' })).toBe('stored');
      await eventually(async () => (await sendRedisCommand(promoted!.port, 'EXISTS', store.keys(0).records)) === 1);

      // connections to the old master stay open
      await sendRedisCommand(old!.port, 'REPLICAOF', '127.0.0.1', promoted!.port);
      const waiting = append({ txid: '2' });
      await eventually(() => appender.isInTrouble);
      relay.targetPort = promoted!.port;
      await sendRedisCommand(promoted!.port, 'REPLICAOF', 'NO', 'ONE');
      expect(await waiting).toMatch(/stored|repeat/);
      await eventually(() => through.set('written', 'by other connections').catch(() => false), 10_000);
      expect(await sendRedisCommand(promoted!.port, 'XLEN', store.keys(0).records)).toBe(2);
    },
  );

  it('keeps records while Redis is killed, and stores them in order when Redis is back', async ({ open, cleanup }) => {
    const own = await startRedis();
    const connection = await connectTo(own, cleanup);
    const recovered: number[] = [];
    const { appender, append, entries } = open({
      redis: connection,
      onRecovered: ({ attempts }) => recovered.push(attempts),
    });
    expect(await append({ txid: 'before' })).toBe('stored');
    await own.kill();
    const during = Array.from({ length: 600 }, (_, n) => append({ txid: `during-${n}` }));
    await eventually(() => appender.isInTrouble);
    expect(appender.unsettledRecords).toBe(600);
    await own.start();
    expect(new Set(await Promise.all(during))).toEqual(new Set(['stored']));
    expect((await entries(connection)).map(({ txid }) => txid)).toEqual([
      'before',
      ...Array.from({ length: 600 }, (_, n) => `during-${n}`),
    ]);
    expect(appender.unsettledRecords).toBe(0);
    expect(appender.unsettledBytes).toBe(0);
    expect(recovered).toHaveLength(1);
  });

  it('waits while Redis is at its memory limit, and continues when memory is free', async ({ open, redis }) => {
    const { appender, append, entries } = open();
    expect(await append({ txid: 'before' })).toBe('stored');
    await redis.config('SET', 'maxmemory', '1');
    const waiting = [append({ txid: 'a' }), append({ txid: 'b' })];
    await eventually(() => appender.isInTrouble);
    await redis.config('SET', 'maxmemory', '0');
    expect(await Promise.all(waiting)).toEqual(['stored', 'stored']);
    expect((await entries()).map(({ txid }) => txid)).toEqual(['before', 'a', 'b']);
  });

  it('reports how many records have no outcome when a drain times out', async ({ open, redis }) => {
    const { appender, append } = open();
    void append({});
    expect(await appender.drain(5_000)).toBe(0);
    await redis.config('SET', 'maxmemory', '1');
    void append({ txid: 'stuck' });
    expect(await appender.drain(50)).toBe(1);
    appender.stop();
    await redis.config('SET', 'maxmemory', '0');
  });

  it('does not write a connect and its disconnect twice when the answer is lost', async ({
    open,
    redisServer,
    cleanup,
  }) => {
    const relay = await startTcpRelay(redisServer.port);
    const through = await connectTo(relay, cleanup);
    const { append, entries, presence } = open({ redis: through, callTimeoutMs: 300 });
    relay.losesAnswers = true;
    const outcomes = Promise.all([append(connectivity('connect', 'c-1')), append(connectivity('disconnect', 'c-1'))]);
    await eventually(async () => (await entries()).length === 2);
    relay.losesAnswers = false;
    relay.cut();
    expect(await outcomes).toEqual(['repeat', 'repeat']);
    expect(await entries()).toHaveLength(2);
    expect(await presence.of(VIN)).toBeUndefined();
  });
});
