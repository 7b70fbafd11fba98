// The command against a real Redis. The tests do the part of the dispatcher.
import { acquireSubscription, SubscriptionStore } from '@fleetbridge/store';
import { it as redisTest } from '@fleetbridge/store/testing';
import { describe, expect } from 'vitest';
import { readArguments } from './command.js';
import { cursorOf, subscription } from './subscription.js';

type Result = [exitCode: number | undefined, printed: string];

interface CommandTestContext {
  subscriptions: SubscriptionStore;
  /** Runs `fleetbridge subscription <line>` in the namespace of the test. */
  run: (line: string, env?: Record<string, string>) => Promise<Result>;
}

const it = redisTest.extend<CommandTestContext>({
  subscriptions: async ({ store }, use) => {
    await use(new SubscriptionStore(store));
  },
  run: async ({ store }, use) => {
    await use((line, env) => runSubscription(line, { REDIS_URL: store.url, NAMESPACE: store.namespace, ...env }));
  },
});

describe('fleetbridge subscription', () => {
  it('creates a subscription from its flags, and reports that no dispatcher is running', async ({
    subscriptions,
    run,
  }) => {
    const created = await run(
      'create home --push https://example.com/ --topic V --any --vin VIN1 --vin VIN2 --from earliest',
    );
    expect(created).toEqual([0, 'created home; no dispatcher is running to deliver it']);
    expect(await subscriptions.get('home')).toMatchObject({
      origin: 'cli',
      start: ['0-0'],
      definition: {
        name: 'home',
        topics: ['V'],
        vins: ['VIN1', 'VIN2'],
        push: { url: 'https://example.com/' },
        from: 'earliest',
      },
    });
    expect(await run('create home --log')).toEqual([1, 'subscription home already exists']);
    expect((await run('list'))[1]).toMatch(/^NAME +KIND +FROM +WAITING +STATE\nhome +push +cli +0 +no dispatcher$/);
  });

  it('removes a subscription in which the dispatcher finds mistakes, and prints the mistakes', async ({
    subscriptions,
    run,
  }) => {
    const creating = run('create home --mqtt mqtt://x');
    while ((await subscriptions.get('home')) === undefined);
    await subscriptions.setVerdict('home', ['home: the variable PASSWORD is not set']);
    expect(await creating).toEqual([
      2,
      'not created, the definition has a mistake:\n  home: the variable PASSWORD is not set',
    ]);
    expect(await subscriptions.list()).toEqual([]);
  });

  it('rejects a definition with mistakes before it stores it', async ({ subscriptions, run }) => {
    const rejected = [
      2,
      [
        'not created, the definition has mistakes:',
        '  home.signals[0]: unknown signal',
        '  home.push.url: expected a URL that starts with http:// or https://',
      ].join('\n'),
    ];
    expect(await run('create home --push ftp://x --signal Speeed')).toEqual(rejected);
    expect(await subscriptions.list()).toEqual([]);
    const withoutRedis = { REDIS_URL: '', DATA_DIR: '/no/such/folder' };
    expect(await run('create home --push ftp://x --signal Speeed', withoutRedis)).toEqual(rejected);
  });

  it('rejects topics and VINs that no record can have', async ({ run }) => {
    const withoutRedis = { REDIS_URL: '', DATA_DIR: '/no/such/folder' };
    const [code, text] = await run('create home --log --topic Z --vin foo', withoutRedis);
    expect(code).toBe(2);
    expect(text).toContain('home.topics[0]: unknown topic "Z", expected V, alerts, errors, connectivity');
    expect(text).toContain('home.vins[0]: "foo" is no VIN');
  });

  it.for([
    ['--push https://x/', { push: { url: 'https://x/' } }],
    ['--mqtt mqtt://x', { mqtt: { url: 'mqtt://x' } }],
    ['--mqtt mqtt://x --home-assistant', { mqtt: { url: 'mqtt://x', homeAssistant: true } }],
    ['--kafka a:1 --kafka b:2', { kafka: { brokers: ['a:1', 'b:2'] } }],
    ['--nats nats://a --nats nats://b', { nats: { servers: ['nats://a', 'nats://b'] } }],
    ['--log', { log: true }],
  ] as const)('stores the settings of %s', async ([flags, settings], { subscriptions, run }) => {
    const creating = run(`create home ${flags}`);
    while ((await subscriptions.get('home')) === undefined);
    await subscriptions.setVerdict('home', []);
    expect(await creating).toEqual([0, 'created home']);
    expect((await subscriptions.get('home'))?.definition).toEqual({ name: 'home', from: 'now', ...settings });
  });

  it('rejects --home-assistant without --mqtt', async ({ subscriptions, run }) => {
    const [code, text] = await run('create home --home-assistant');
    expect([code, text]).toEqual([2, expect.stringContaining('mqtt.url: ')]);
    expect(await subscriptions.list()).toEqual([]);
  });

  it('omits secrets from the list', async ({ subscriptions, run }) => {
    const push = { url: 'https://x/', token: 'hush', headers: { authorization: 'hush' } };
    const mqtt = { url: 'mqtt://me:hush@x', password: 'env:PASSWORD' };
    await subscriptions.create({ name: 'a', origin: 'cli', definition: { push } }, { from: 'now', nowMs: 1 });
    await subscriptions.create({ name: 'b', origin: 'cli', definition: { mqtt } }, { from: 'now', nowMs: 1 });
    const [, text] = await run('list --json');
    expect(text).not.toContain('hush');
    expect(text).toContain('"password":"env:PASSWORD"');
  });

  it('pauses, resumes and deletes subscriptions, but does not delete those of the configuration file', async ({
    subscriptions,
    run,
  }) => {
    await subscriptions.create({ name: 'mine', origin: 'cli', definition: { log: true } }, { from: 'now', nowMs: 1 });
    await subscriptions.create({ name: 'files', origin: 'file', definition: { log: true } }, { from: 'now', nowMs: 1 });
    expect((await run('pause files'))[0]).toBe(0);
    expect((await subscriptions.get('files'))?.paused).toBe('operator');
    expect((await run('resume files'))[0]).toBe(0);
    expect(await run('delete files')).toEqual([1, expect.stringContaining('defined by DISPATCHER_CONFIG')]);
    await subscriptions.setPaused('files', 'not_in_file');
    expect(await run('resume files')).toEqual([1, expect.stringContaining('add it there again')]);
    await subscriptions.setPaused('files', undefined);
    expect(await run('delete mine')).toEqual([0, 'deleted mine']);
    expect((await subscriptions.list()).map(({ name }) => name)).toEqual(['files']);
  });

  it('shows the lag and the next records, and seeks', async ({ redis, store, subscriptions, run }) => {
    await subscriptions.create({ name: 's', origin: 'cli', definition: { log: true } }, { from: 'now', nowMs: 1 });
    const { records } = store.keys(0);
    const fields = [
      'vin',
      'VIN1',
      'topic',
      'connectivity',
      'txid',
      't',
      'created',
      '5',
      'received',
      '5',
      'version',
      '',
    ];
    for (const id of ['1000-0', '2000-0', '3000-0']) await redis.xadd(records, id, ...fields, 'payload', '');
    expect((await run('lag s'))[1]).toMatch(
      /^PARTITION +WAITING +OLDEST +DELIVERED BY +DEAD LETTERS +STATE\n0 +3 +\d+\.\d s +- +0 +no dispatcher$/,
    );
    const peeked = (await run('peek s --count 2'))[1].split('\n');
    expect(peeked).toHaveLength(3);
    expect(peeked[0]).toMatch(/^ {2}TIME +VIN +TOPIC +RECORD$/);
    expect(await run('seek s 1970-01-01T00:00:02Z')).toEqual([
      0,
      's will redeliver everything since 1970-01-01T00:00:02Z',
    ]);
    const [, text] = await run('peek s --json');
    expect(text.split('\n').map((line) => JSON.parse(line).id)).toEqual(['2000-0', '3000-0']);
    await run('seek s now');
    expect((await run('lag s'))[1]).toMatch(/^0 +0 +- +-/m);
    expect(await run('peek s')).toEqual([0, 'nothing waiting']);
  });

  it('shows an endpoint that is away: why, since when, and when it is tried again', async ({
    store,
    subscriptions,
    run,
  }) => {
    await subscriptions.create({ name: 's', origin: 'cli', definition: { log: true } }, { from: 'now', nowMs: 1 });
    const place = { store, partition: 0, subscription: 's' };
    const work = (await acquireSubscription(place, { owner: 'a', leaseMs: 60_000, start: '0-0' }))!;
    expect((await run('list'))[1]).toMatch(/^s +log +cli +0 +delivering$/m);
    const suspension = { error: 'HTTP 503', sinceMs: Date.now() - 1_000, nextTryMs: Date.now() + 30_000 };
    await work.setSuspension(suspension);
    const shown = /HTTP 503, since \d\d:\d\d, next try in (30|29) s/;
    expect((await run('list'))[1]).toMatch(/^s +log +cli +0 +away \(HTTP 503, since /m);
    expect((await run('list'))[1]).toMatch(shown);
    expect((await run('lag s'))[1]).toMatch(shown);
    expect(JSON.parse((await run('list --json'))[1])).toMatchObject({ away: [{ partition: 0, ...suspension }] });
    await work.setSuspension(undefined);
    expect((await run('list'))[1]).toContain('delivering');
  });

  it('shows dead letters and redelivers them', async ({ redis, store, subscriptions, run }) => {
    await subscriptions.create({ name: 's', origin: 'cli', definition: { log: true } }, { from: 'now', nowMs: 1 });
    const { records } = store.keys(0);
    const id = (await redis.xadd(
      records,
      '*',
      'vin',
      'VIN1',
      'topic',
      'V',
      'txid',
      't',
      'created',
      '5',
      'payload',
      '',
    ))!;
    const place = { store, partition: 0, subscription: 's' };
    const work = (await acquireSubscription(place, { owner: 'a', leaseMs: 60_000, start: '0-0' }))!;
    await work.readNew(1);
    await work.reject(id, { rejections: 5, maximum: 5, error: 'HTTP 400', nowMs: 1_784_000_000_000 });
    const [heading, line, record] = (await run('dead-letters s'))[1].split('\n');
    expect(heading).toMatch(/^ID +VIN +TOPIC +REJECTED +GIVEN UP AT +LAST ERROR$/);
    expect(line).toMatch(/^0\/\d+-0 +VIN1 +V +5 +2026-07-14T03:33:20Z +HTTP 400$/);
    expect(record).toMatch(/^ {4}\S+ {2}VIN1 {2}V/);
    const letter = JSON.parse((await run('dead-letters s --json'))[1]);
    expect(letter).toMatchObject({ entry: id, vin: 'VIN1', rejections: 5, error: 'HTTP 400' });
    expect(await run(`redeliver s ${letter.id}`)).toEqual([0, '1 of 1 will be redelivered']);
    expect(await run('redeliver s --all')).toEqual([0, '1 of 1 will be redelivered']);
    expect((await work.redeliveries()).map(({ entry }) => entry.id)).toEqual([id]);
    expect(await run('redeliver s 0/1-1')).toEqual([1, '0 of 1 will be redelivered']);
  });

  it('rejects invalid arguments without Redis, and unknown subscriptions', async ({ run }) => {
    for (const [line, message] of [
      ['', 'expected: one of list, create'],
      ['lits', 'unknown action "lits"; did you mean "list"?'],
      ['create', 'expected the name of a subscription'],
      ['create a:b --log', 'expected a name of letters'],
      ['create a', 'expected exactly one of --push'],
      ['create a --push http://x --log', 'expected exactly one of --push'],
      ['create a --log --from yesterday', '--from: expected now or earliest'],
      ['seek a', 'expected: seek <name> <to>'],
      ['seek a yesterday', 'expected earliest, now, a time'],
      ['redeliver a', 'or --all'],
      ['redeliver a 17-0', 'expected the id of a dead letter'],
    ]) {
      await expect(run(line!, { REDIS_URL: 'redis://127.0.0.1:1' })).rejects.toThrow(message);
    }
    expect(await run('pause other')).toEqual([1, 'unknown subscription other; see fleetbridge subscription list']);
  });
});

describe('cursorOf', () => {
  it('returns the id before the first entry to deliver', () => {
    expect(cursorOf('earliest', 5)).toBe('0-0');
    expect(cursorOf('now', 5)).toBe('$');
    expect(cursorOf('1970-01-01T00:01:00Z', 5)).toBe('59999-18446744073709551615');
    expect(cursorOf('2m', 200_000)).toBe('79999-18446744073709551615');
  });
});

async function runSubscription(line: string, env: Record<string, string>): Promise<Result> {
  const { values, positionals } = readArguments(line.split(' ').filter(Boolean), subscription.options);
  const printed: string[] = [];
  const code = await subscription.run({ values, positionals, env, print: (text) => printed.push(text) });
  return [code, printed.join('\n')];
}
