// DISPATCHER_CONFIG against a real Redis.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@fleetbridge/service';
import { logIdentity, SubscriptionStore } from '@fleetbridge/store';
import { it } from '@fleetbridge/store/testing';
import { eventually } from '@fleetbridge/testing';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import {
  applySubscriptionFile,
  mistakesInSubscriptionFile,
  parseSubscriptionFile,
  watchSubscriptionFile,
} from './file.js';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'dispatcher-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe('applySubscriptionFile', () => {
  it('creates and changes subscriptions, pauses removed ones and resumes restored ones', async ({
    store: logStore,
  }) => {
    const store = new SubscriptionStore(logStore);
    const apply = (text: string) => applySubscriptionFile(store, parseSubscriptionFile(text, 'x.yaml'), { nowMs: 7 });
    const [a, b] = ['{ name: a, log: true }', '{ name: b, from: earliest, log: true }'];
    expect(await apply(`subscriptions: [${a}, ${b}]`)).toMatchObject({ created: ['a', 'b'] });
    expect(await apply(`subscriptions: [${a}, ${b}]`)).toEqual({ created: [], changed: [], resumed: [], paused: [] });
    expect(await apply('subscriptions: [{ name: a, topics: [V], log: true }]')).toMatchObject({
      changed: ['a'],
      paused: ['b'],
    });
    expect(await store.list()).toMatchObject([
      { name: 'a', origin: 'file', definition: { topics: ['V'] }, paused: undefined },
      { name: 'b', origin: 'file', paused: 'not_in_file' },
    ]);
    expect(await apply(`subscriptions: [${a}, ${b}]`)).toMatchObject({ changed: ['a'], resumed: ['b'] });
  });

  it('does not change subscriptions that an operator created or paused', async ({ store: logStore }) => {
    const store = new SubscriptionStore(logStore);
    await store.create({ name: 'mine', origin: 'cli', definition: {} }, { from: 'now', nowMs: 1 });
    const definitions = parseSubscriptionFile('subscriptions: [{ name: a, log: true }]', 'x.yaml');
    await applySubscriptionFile(store, definitions, { nowMs: 1 });
    await store.setPaused('a', 'operator');
    await applySubscriptionFile(store, [], { nowMs: 1 });
    await applySubscriptionFile(store, definitions, { nowMs: 1 });
    expect((await store.list()).map(({ name, paused }) => [name, paused])).toEqual([
      ['a', 'operator'],
      ['mine', undefined],
    ]);
  });
});

describe('mistakesInSubscriptionFile', () => {
  it('lists mistakes of syntax and of settings, and a missing file', () => {
    const path = join(folder, 'wrong.yaml');
    const mistakes = (text: string) => {
      writeFileSync(path, text);
      return mistakesInSubscriptionFile(path).map(({ variable, problem }) => `${variable}: ${problem}`);
    };
    expect(mistakes('subscriptions:\n  - name: a\n    log: true\n')).toEqual([]);
    expect(mistakes('subscriptions: [')[0]).toMatch(/^DISPATCHER_CONFIG: .*line 1/);
    expect(mistakes('subscriptions: [{ name: a }, { name: b, log: 5 }]\nother: 1')).toHaveLength(1);
    expect(mistakes('subscriptions: [{ name: a }, { name: b, log: 5 }]')).toHaveLength(2);
    expect(
      mistakes('subscriptions:\n  - name: a\n    log: true\n    topics: [V,\n      Z9]\n    vins: [foo]\n'),
    ).toEqual([
      expect.stringMatching(/subscriptions\[0\]\.topics\[1\]: unknown topic "Z9".* EXTRA_TOPICS\) \(line 5\)$/),
      expect.stringMatching(/subscriptions\[0\]\.vins\[0\]: "foo" is no VIN.* \(line 6\)$/),
    ]);
    expect(mistakes('subscriptions:\n  - name: a\n    log: true\n    topic: [V]')).toEqual([
      'DISPATCHER_CONFIG: subscriptions[0].topic: unknown setting; did you mean topics? (line 4)',
    ]);
    expect(mistakesInSubscriptionFile(folder)[0]?.problem).toMatch(/it is a folder; Docker makes one/);
    expect(mistakesInSubscriptionFile(join(folder, 'missing.yaml'))[0]?.problem).toMatch(/can be read \(ENOENT\)/);
  });
});

describe('watchSubscriptionFile', () => {
  it('applies changes without a restart, and nothing of a file with mistakes', async ({ store: logStore, cleanup }) => {
    const store = new SubscriptionStore(logStore);
    const path = join(folder, 'live.yaml');
    const lines: string[] = [];
    const log = createLogger({
      name: 'test',
      format: 'json',
      destination: { write: (line: string) => void lines.push(line) },
    });
    writeFileSync(path, 'subscriptions: [{ name: a, log: true }]');
    const file = watchSubscriptionFile({ path, store, identity: async () => 'a', log, now: Date.now, pollMs: 5 });
    cleanup.push(() => file.stop());
    await eventually(async () => (await store.get('a')) !== undefined);
    writeFileSync(path, 'subscriptions: [{ name: b }]');
    await eventually(() => lines.some((line) => line.includes('subscriptions_file_rejected')));
    expect((await store.list()).map(({ name, paused }) => [name, paused])).toEqual([['a', undefined]]);
    writeFileSync(path, 'subscriptions: [{ name: b, log: true }]');
    await eventually(async () => (await store.get('a'))?.paused === 'not_in_file');
    expect(await store.get('b')).toMatchObject({ origin: 'file' });
    expect(lines.filter((line) => line.includes('subscriptions_file_rejected'))).toHaveLength(1);
  });

  it('creates again what an emptied Redis has lost, from the beginning of the new log', async ({
    store: logStore,
    redis,
    cleanup,
  }) => {
    const store = new SubscriptionStore(logStore);
    const path = join(folder, 'emptied.yaml');
    writeFileSync(path, 'subscriptions: [{ name: a, log: true }, { name: b, log: true, topics: [V] }]');
    const log = createLogger({ name: 'test', level: 'silent' });
    const identity = () => logIdentity(logStore);
    const file = watchSubscriptionFile({ path, store, identity, log, now: Date.now, pollMs: 5 });
    cleanup.push(() => file.stop());
    await eventually(async () => (await store.list()).length === 2);
    await store.setPaused('b', 'operator');
    // one that was lost in a fail-over: the log is the same, and its records are not delivered again
    const { records } = logStore.keys(0);
    const id = (await redis.xadd(records, '*', 'vin', 'A'))!;
    await redis.hdel(`${logStore.namespace}:subscriptions`, 'a');
    await eventually(async () => (await store.list()).length === 2);
    expect([(await store.get('a'))?.start, (await store.get('b'))?.paused]).toEqual([[id], 'operator']);
    // an emptied Redis
    await redis
      .multi()
      .del(await redis.keys(`${logStore.namespace}:*`))
      .xadd(records, '*', 'vin', 'A')
      .exec();
    await eventually(async () => (await store.list()).length === 2);
    expect((await store.list()).map(({ start }) => start)).toEqual([['0-0'], ['0-0']]);
  });
});
