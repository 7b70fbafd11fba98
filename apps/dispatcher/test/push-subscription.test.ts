// Push subscriptions end to end: a log in a real Redis, dispatchers, and an HTTP endpoint that fails in many ways.
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EnvelopeError, isTopic, readEnvelope, topicShapes, vinField } from '@fleetbridge/protocol';
import { connectRedis, forgetVehicle, partitionKeys, whenReady } from '@fleetbridge/store';
import { it, type RedisTestContext } from '@fleetbridge/store/testing';
import { eventually, freePort, startRedis, startTcpRelay } from '@fleetbridge/testing';
import { jwtVerify } from 'jose';
import { describe, expect } from 'vitest';
import { type DispatchRig, disorder, dispatchRig } from './dispatch-rig.js';
import { type Answer, type PushEndpoint, socOf, startPushEndpoint } from './push-endpoint.js';

type Context = Pick<RedisTestContext, 'redisServer' | 'redis' | 'cleanup'>;

const VIN = '5YJ3E1EA7KF000001';
const QUICK = { ackDeadlineSeconds: 0.15, backOff: { minimumSeconds: 0.01, maximumSeconds: 0.05 } };

describe('a push subscription', () => {
  it("posts exactly what the Go server publishes, in Pub/Sub's envelope", async ({ redisServer, redis, cleanup }) => {
    const { rig, endpoint } = await rigWithEndpoint({ redisServer, redis, cleanup });
    const vectors = goldenVectors();
    await rig.subscribe({
      name: 'golden',
      topics: ['V', 'alerts', 'errors', 'connectivity', 'metrics'],
      push: { url: endpoint.url },
    });
    const ids: string[] = [];
    for (const { stored, topic, txid } of vectors) {
      const times = { createdMs: 1_784_000_000_250, receivedMs: 1_784_000_000_500 };
      ids.push(await rig.addRaw({ vin: VIN, topic, payload: stored, txid, version: '1.2.3', ...times }));
    }
    rig.start();
    await eventually(() => rig.isDone('golden'));
    expect(endpoint.pushes).toHaveLength(vectors.length);
    for (const [index, { body, headers }] of endpoint.pushes.entries()) {
      const { topic, txid, publishes } = vectors[index]!;
      expect(headers['content-type']).toBe('application/json');
      expect(body.subscription).toBe('projects/fleetbridge/subscriptions/golden');
      const { message } = body;
      expect(message.attributes).toEqual({
        vin: VIN,
        receivedat: '1784000000500',
        timestamp: '1784000000250',
        txid,
        txtype: topic,
        version: '0',
        device_client_version: '1.2.3',
      });
      expect([message.messageId, message.message_id]).toEqual([`0-${ids[index]}`, `0-${ids[index]}`]);
      expect(Date.parse(message.publishTime)).toBe(Number(ids[index]!.split('-')[0]));
      expect(JSON.parse(Buffer.from(message.data, 'base64').toString())).toEqual(publishes);
    }
  });

  it('posts the stored bytes, or the payload alone with attributes in headers, if configured', async ({
    redisServer,
    redis,
    cleanup,
  }) => {
    const { rig, endpoint } = await rigWithEndpoint({ redisServer, redis, cleanup });
    const push = { url: endpoint.url, headers: { 'x-tenant': 'home' }, token: 'secret' };
    await rig.subscribe({ name: 'raw', payload: 'protobuf', push });
    await rig.subscribe({ name: 'bare', payload: 'protobuf', push: { ...push, wrapped: false } });
    await rig.subscribe({ name: 'flat', payload: 'json', push: { ...push, wrapped: false } });
    const [{ stored, topic }] = goldenVectors() as [GoldenVector];
    const id = await rig.addRaw({ vin: VIN, topic, payload: stored, txid: 'ä-1' });
    rig.start();
    await eventually(() => endpoint.pushes.length === 3);
    const bodyOf = (kind: string) => endpoint.pushes.find(({ headers, body }) => kindOf(headers, body) === kind)!;
    expect(Buffer.from(bodyOf('raw').body.message.data, 'base64')).toEqual(stored);
    expect(bodyOf('bare').body).toEqual(stored);
    expect(bodyOf('bare').headers).toMatchObject({
      authorization: 'Bearer secret',
      'x-tenant': 'home',
      'x-goog-pubsub-message-id': `0-${id}`,
      'x-goog-pubsub-subscription-name': 'projects/fleetbridge/subscriptions/bare',
      vin: VIN,
      txtype: 'V',
      txid: '%C3%A4-1',
    });
    expect(bodyOf('flat').body).toMatchObject({
      Vin: VIN,
      CreatedAt: '2026-07-14T03:33:20Z',
      Soc: 71.25,
      Gear: 'ShiftStateD',
    });
  });

  it('sends a token in the form that Google signs', async ({ redisServer, redis, cleanup }) => {
    const { rig, endpoint } = await rigWithEndpoint({ redisServer, redis, cleanup });
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2_048 });
    const folder = mkdtempSync(join(tmpdir(), 'push-'));
    cleanup.push(() => rmSync(folder, { recursive: true }));
    const keyFile = join(folder, 'key.pem');
    writeFileSync(keyFile, privateKey.export({ type: 'pkcs8', format: 'pem' }));
    const signedToken = { audience: 'https://home/', serviceAccount: 'push@home.example', keyFile };
    await rig.subscribe({ name: 's', push: { url: endpoint.url, signedToken } });
    await rig.add(VIN, 0);
    rig.start();
    await eventually(() => rig.isDone('s'));
    const [scheme, token] = endpoint.pushes[0]!.headers.authorization!.split(' ');
    expect(scheme).toBe('Bearer');
    const { payload } = await jwtVerify(token!, publicKey, {
      issuer: 'https://accounts.google.com',
      audience: 'https://home/',
    });
    expect(payload.email).toBe('push@home.example');
  });

  it('delivers every record at least once and each vehicle in order to an endpoint that fails, hangs, answers 429 and 500', async ({
    redisServer,
    redis,
    cleanup,
  }) => {
    const { rig, endpoint } = await rigWithEndpoint({ redisServer, redis, cleanup }, { partitions: 4 });
    const random = seeded(42);
    const answers: Answer[] = [500, 503, 429, 408, 'hang', 'cut', 302];
    endpoint.answer = () => (random() < 0.25 ? answers[Math.floor(random() * answers.length)]! : 204);
    const vins = Array.from({ length: 20 }, (_, n) => `VIN${n}`);
    await rig.subscribe({ name: 's', push: { url: endpoint.url }, ...QUICK });
    rig.start();
    for (let n = 0; n < 20; n++) for (const vin of vins) void rig.add(vin, n);
    await eventually(async () => endpoint.accepted().length >= 400 && (await rig.isDone('s')));
    expect(disorder(endpoint.accepted().map(socOf))).toEqual([]);
    // attempts that were not accepted are in order too
    expect(disorder(endpoint.pushes.map(socOf))).toEqual([]);
    expect(new Set(endpoint.accepted().map((push) => JSON.stringify(socOf(push)))).size).toBe(400);
    expect(await rig.store.control('s').deadLetters(1)).toEqual([]);
    expect(rig.counts.get('s')).toMatchObject({ delivered: 400, deadLettered: 0, suspended: 0 });
    // and those that were never received
    expect(rig.counts.get('s')!.retried).toBeGreaterThanOrEqual(endpoint.pushes.length - 400);
  });

  it('dead-letters only rejected records, after five rejections, without delaying other vehicles', async ({
    redisServer,
    redis,
    cleanup,
  }) => {
    const { rig, endpoint } = await rigWithEndpoint({ redisServer, redis, cleanup });
    endpoint.answer = (push) => (socOf(push).vin === 'BAD' ? 400 : 204);
    await rig.subscribe({ name: 's', push: { url: endpoint.url }, ...QUICK });
    for (let n = 0; n < 3; n++) for (const vin of ['BAD', 'GOOD']) await rig.add(vin, n);
    rig.start();
    await eventually(() => rig.isDone('s'));
    const dead = await rig.store.control('s').deadLetters(9);
    expect(dead.map(({ entry, rejections, error }) => [entry.txid, rejections, error])).toEqual(
      [0, 1, 2].map((n) => [`BAD-${n}`, 5, 'HTTP 400']),
    );
    expect(endpoint.pushes.map(socOf).filter(({ vin }) => vin === 'BAD')).toHaveLength(15);
    const lastGood = endpoint.pushes.map(socOf).findLastIndex(({ vin }) => vin === 'GOOD');
    expect(lastGood).toBeLessThan(10);
    expect(rig.counts.get('s')).toMatchObject({ delivered: 3, deadLettered: 3, rejected: 15 });
  });

  it("dead-letters a record that can't be converted to the configured form", async ({
    redisServer,
    redis,
    cleanup,
  }) => {
    const { rig, endpoint } = await rigWithEndpoint({ redisServer, redis, cleanup });
    await rig.subscribe({ name: 's', push: { url: endpoint.url }, maximumDeliveries: 2, ...QUICK });
    await rig.addRaw({ vin: VIN, topic: 'V', payload: Buffer.from('0a7f', 'hex') });
    await rig.add(VIN, 1);
    rig.start();
    await eventually(() => rig.isDone('s'));
    expect(endpoint.pushes.map(socOf)).toEqual([{ vin: VIN, n: 1 }]);
    expect(await rig.store.control('s').deadLetters(9)).toMatchObject([{ rejections: 2, error: /can't be decoded/ }]);
  });

  it('probes an endpoint that is away one record at a time, and loses nothing', async ({
    redisServer,
    redis,
    cleanup,
  }) => {
    const port = await freePort();
    const rig = newRig({ redisServer, redis, cleanup });
    await rig.subscribe({ name: 's', push: { url: `http://127.0.0.1:${port}/` }, ...QUICK });
    const vins = Array.from({ length: 50 }, (_, n) => `VIN${n}`);
    for (let n = 0; n < 10; n++) for (const vin of vins) void rig.add(vin, n);
    rig.start({ limits: { inFlight: 10, records: 100, bytes: 1_000_000, ids: 1_000 } });
    await eventually(() => rig.counts.get('s')?.suspended === 1);
    const shown = async () => (await rig.store.control('s').lagOf(0)).suspension;
    await eventually(async () => (await shown()) !== undefined);
    const { error, sinceMs, nextTryMs } = (await shown())!;
    expect(error).toContain('ECONNREFUSED');
    expect([Date.now() - sinceMs < 5_000, nextTryMs >= sinceMs]).toEqual([true, true]);
    const endpoint = await startPushEndpoint({ port });
    cleanup.push(() => endpoint.stop());
    endpoint.answer = () => 503;
    await eventually(() => endpoint.pushes.length > 10);
    expect(endpoint.atOnce).toBe(1);
    const away = endpoint.pushes.length;
    // the probes alternate between vehicles
    expect(new Set(endpoint.pushes.map((push) => socOf(push).vin)).size).toBeGreaterThan(5);
    endpoint.answer = () => 200;
    await eventually(() => rig.isDone('s'));
    expect(disorder(endpoint.pushes.map(socOf))).toEqual([]);
    expect(endpoint.accepted().length).toBeGreaterThanOrEqual(500);
    expect(away).toBeGreaterThan(10);
    expect(await rig.store.control('s').deadLetters(1)).toEqual([]);
    await eventually(async () => (await shown()) === undefined);
  });

  it('gives up a record for which alone the endpoint fails, hangs or switches protocols, and delays nothing else', async ({
    redisServer,
    redis,
    cleanup,
  }) => {
    const { rig, endpoint } = await rigWithEndpoint({ redisServer, redis, cleanup });
    const answers: Record<string, Answer> = { BAD: 500, HANG: 'hang', CUT: 'cut', UPGRADE: 101 };
    endpoint.answer = (push) => {
      const { vin, n } = socOf(push);
      return n === 0 ? (answers[vin] ?? 204) : 204;
    };
    await rig.subscribe({ name: 's', push: { url: endpoint.url }, maximumDeliveries: 3, ...QUICK });
    rig.start();
    const bad = Object.keys(answers);
    for (const vin of bad) for (const n of [0, 1]) await rig.add(vin, n);
    let sent = 0;
    await eventually(async () => {
      for (const vin of ['GOOD', 'OTHER']) await rig.add(vin, sent);
      sent++;
      return (await rig.store.control('s').deadLetters(9)).length === 4;
    }, 20_000);
    await eventually(() => rig.isDone('s'));
    const accepted = endpoint.accepted().map(socOf);
    for (const vin of ['GOOD', 'OTHER']) {
      const numbers = new Set(accepted.filter((one) => one.vin === vin).map(({ n }) => n));
      expect(numbers.size).toBe(sent);
    }
    expect(new Set(accepted.filter(({ vin }) => bad.includes(vin)).map(({ vin, n }) => `${vin} ${n}`))).toEqual(
      new Set(bad.map((vin) => `${vin} 1`)),
    );
    const letters = await rig.store.control('s').deadLetters(9);
    expect(Object.fromEntries(letters.map(({ entry, error, rejections }) => [entry.vin, [rejections, error]]))).toEqual(
      {
        BAD: [3, 'HTTP 500; the endpoint answers for other vehicles'],
        HANG: [3, 'no response within 150 ms; the endpoint answers for other vehicles'],
        CUT: [3, 'socket hang up; the endpoint answers for other vehicles'],
        UPGRADE: [3, 'HTTP 101; the endpoint answers for other vehicles'],
      },
    );
    expect(rig.counts.get('s')).toMatchObject({ rejected: 12, deadLettered: 4, suspended: 0 });
  });

  it('suspends for the failures of the only vehicle, and finds another one behind hundreds of its records', async ({
    redisServer,
    redis,
    cleanup,
  }) => {
    const { rig, endpoint } = await rigWithEndpoint({ redisServer, redis, cleanup });
    endpoint.answer = (push) => (socOf(push).vin === 'BAD' ? 503 : 204);
    await rig.subscribe({ name: 's', push: { url: endpoint.url }, ...QUICK });
    for (let n = 0; n < 300; n++) void rig.add('BAD', n);
    await rig.add('BAD', 300);
    rig.start();
    await eventually(() => endpoint.pushes.length > 10);
    expect(rig.counts.get('s')).toMatchObject({ suspended: 1, rejected: 0 });
    await rig.add('GOOD', 0);
    await eventually(() => endpoint.accepted().length === 1);
    endpoint.answer = () => 204;
    await eventually(() => rig.isDone('s'));
    expect(await rig.store.control('s').deadLetters(1)).toEqual([]);
  });

  it('skips records that the filter excludes', async ({ redisServer, redis, cleanup }) => {
    const { rig, endpoint } = await rigWithEndpoint({ redisServer, redis, cleanup });
    const push = { url: endpoint.url };
    await rig.subscribe({ name: 's', topics: ['V'], vins: ['A', 'B'], signals: ['Soc'], push });
    await rig.add('A', 1);
    await rig.add('C', 1);
    await rig.addRaw({ vin: 'A', topic: 'errors', payload: Buffer.alloc(0) });
    await rig.addRaw({ vin: 'A', topic: 'V', payload: Buffer.alloc(0) });
    await rig.add('B', 2);
    rig.start();
    await eventually(() => rig.isDone('s'));
    expect(
      endpoint.pushes
        .map(socOf)
        .map(({ vin, n }) => vin + n)
        .sort(),
    ).toEqual(['A1', 'B2']);
    expect(rig.counts.get('s')).toMatchObject({ delivered: 2, passedOver: 3 });
  });
});

describe('an operator', () => {
  it('seeks, and exactly the records after the position are delivered again', async ({
    redisServer,
    redis,
    cleanup,
  }) => {
    const { rig, endpoint } = await rigWithEndpoint({ redisServer, redis, cleanup });
    await rig.subscribe({ name: 's', push: { url: endpoint.url } });
    rig.start();
    const ids: string[] = [];
    for (let n = 0; n < 20; n++) ids.push(await rig.add(VIN, n));
    await eventually(() => rig.isDone('s'));
    endpoint.pushes.length = 0;
    await rig.store.control('s').seek(ids[11]!);
    await eventually(async () => endpoint.pushes.length >= 8 && (await rig.isDone('s')));
    expect(endpoint.pushes.map((push) => socOf(push).n)).toEqual([12, 13, 14, 15, 16, 17, 18, 19]);
  });

  it('pauses without loss', async ({ redisServer, redis, cleanup }) => {
    const { rig, endpoint } = await rigWithEndpoint({ redisServer, redis, cleanup });
    await rig.subscribe({ name: 's', push: { url: endpoint.url } });
    const dispatcher = rig.start();
    await rig.add(VIN, 0);
    await eventually(() => rig.isDone('s'));
    await rig.store.setPaused('s', 'operator');
    await eventually(() => dispatcher.held === 0);
    for (let n = 1; n < 5; n++) await rig.add(VIN, n);
    expect((await rig.store.control('s').lag())[0]).toMatchObject({ records: 4, holder: undefined });
    expect(endpoint.pushes).toHaveLength(1);
    await rig.store.setPaused('s', undefined);
    await eventually(() => rig.isDone('s'));
    expect(endpoint.pushes.map((push) => socOf(push).n)).toEqual([0, 1, 2, 3, 4]);
  });

  it('redelivers a dead letter; if it is rejected again it stays, with the new error', async ({
    redisServer,
    redis,
    cleanup,
  }) => {
    const { rig, endpoint } = await rigWithEndpoint({ redisServer, redis, cleanup });
    endpoint.answer = () => 400;
    await rig.subscribe({ name: 's', push: { url: endpoint.url }, maximumDeliveries: 1 });
    await rig.add(VIN, 0);
    rig.start();
    const control = rig.store.control('s');
    await eventually(async () => (await control.deadLetters(9)).length === 1);
    endpoint.answer = () => 422;
    const redeliver = async () =>
      control.redeliver(
        0,
        (await control.deadLetters(9)).map(({ id }) => id),
      );
    expect(await redeliver()).toBe(1);
    await eventually(async () => (await control.deadLetters(9))[0]?.error === 'HTTP 422');
    endpoint.answer = () => 204;
    expect(await redeliver()).toBe(1);
    await eventually(async () => (await control.deadLetters(9)).length === 0);
    expect(endpoint.accepted().map(socOf)).toEqual([{ vin: VIN, n: 0 }]);
    expect(rig.counts.get('s')).toMatchObject({ redelivered: 1 });
  });

  it('changes a definition, which takes effect at the current position', async ({ redisServer, redis, cleanup }) => {
    const { rig, endpoint } = await rigWithEndpoint({ redisServer, redis, cleanup });
    const other = await startPushEndpoint();
    cleanup.push(() => other.stop());
    await rig.subscribe({ name: 's', push: { url: endpoint.url } });
    rig.start();
    await rig.add(VIN, 0);
    await eventually(() => rig.isDone('s'));
    await rig.store.redefine((await rig.store.get('s'))!, { name: 's', push: { url: other.url } });
    await rig.add(VIN, 1);
    await eventually(async () => {
      await rig.add('OTHER', 0);
      return other.pushes.length > 0;
    });
    await eventually(() => rig.isDone('s'));
    const all = [...endpoint.pushes, ...other.pushes].map(socOf).filter(({ vin }) => vin === VIN);
    expect(all.map(({ n }) => n)).toEqual([0, 1]);
  });

  it('gets the mistakes of a definition', async ({ redisServer, redis, cleanup }) => {
    const { rig } = await rigWithEndpoint({ redisServer, redis, cleanup });
    await rig.subscribe({ name: 's', push: { url: 'ftp://x', tokken: 1 }, topics: [] });
    await rig.subscribe({ name: 't', push: { url: 'http://x', token: 'env:NOT_SET' } });
    rig.start();
    await eventually(async () => (await rig.store.verdict('t')) !== undefined);
    expect((await rig.store.verdict('s'))?.sort()).toEqual([
      's.push.tokken: unknown setting; did you mean token?',
      's.push.url: expected a URL that starts with http:// or https://',
      expect.stringMatching(/^s\.topics: /),
    ]);
    expect(await rig.store.verdict('t')).toEqual(['t: the variable NOT_SET is not set']);
    // the same definition created again gets its own verdict
    await rig.store.delete('t');
    await rig.subscribe({ name: 't', push: { url: 'http://x', token: 'env:NOT_SET' } });
    await eventually(async () => (await rig.store.verdict('t')) !== undefined);
  });

  it('reports a secret that has disappeared when delivery resumes, and continues when it is back', async ({
    redisServer,
    redis,
    cleanup,
  }) => {
    const { rig } = await rigWithEndpoint({ redisServer, redis, cleanup });
    const folder = mkdtempSync(join(tmpdir(), 'secret-'));
    cleanup.push(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'token');
    writeFileSync(file, 'secret');
    await rig.subscribe({ name: 's', push: { url: 'http://x', token: `file:${file}` } });
    const dispatcher = rig.start();
    await eventually(() => dispatcher.held === 1);
    rmSync(file);
    await rig.store.setPaused('s', 'operator');
    await eventually(() => dispatcher.held === 0);
    await rig.store.setPaused('s', undefined);
    await eventually(async () => (await rig.store.verdict('s'))?.[0] === `s: ${file} can't be read (ENOENT)`);
    writeFileSync(file, 'secret');
    await eventually(() => dispatcher.held === 1);
    expect(await rig.store.verdict('s')).toEqual([]);
  });
});

describe('several dispatchers', () => {
  it('share the partitions, and rebalance when one starts or stops', async ({ redisServer, redis, cleanup }) => {
    const { rig, endpoint } = await rigWithEndpoint({ redisServer, redis, cleanup }, { partitions: 4 });
    await rig.subscribe({ name: 's', push: { url: endpoint.url } });
    const one = rig.start({ leaseMs: 1_000 });
    await eventually(() => one.held === 4);
    const two = rig.start({ leaseMs: 1_000 });
    await eventually(() => one.held === 2 && two.held === 2);
    const vins = Array.from({ length: 20 }, (_, n) => `VIN${n}`);
    for (let n = 0; n < 10; n++) for (const vin of vins) await rig.add(vin, n);
    await one.stop({ deadlineMs: 2_000 });
    await eventually(() => two.held === 4);
    await eventually(() => rig.isDone('s'));
    expect(disorder(endpoint.pushes.map(socOf))).toEqual([]);
    expect(endpoint.pushes).toHaveLength(200);
  });

  it('take over from a dead one, starting with its pending records', async ({ redisServer, redis, cleanup }) => {
    const { rig, endpoint } = await rigWithEndpoint({ redisServer, redis, cleanup });
    await rig.subscribe({ name: 's', push: { url: endpoint.url }, ...QUICK });
    let isDown = true;
    endpoint.answer = () => (isDown ? 'hang' : 204);
    const first = rig.start({ leaseMs: 600 });
    for (let n = 0; n < 5; n++) await rig.add(VIN, n);
    await eventually(() => endpoint.pushes.length > 0 && first.held === 1);
    // as if it had been suspended: another has its lease before its next check
    await redis.set(partitionKeys(rig.namespace, 0).lease('subscription:s'), 'somebody 99', 'PX', 300);
    isDown = false;
    await eventually(() => rig.isDone('s'));
    expect(disorder(endpoint.pushes.map(socOf))).toEqual([]);
    expect(new Set(endpoint.accepted().map((push) => socOf(push).n)).size).toBe(5);
  });
});

describe('a dispatcher with a possibly expired lease', () => {
  it('sends nothing until Redis answers, and then continues in order', async ({ cleanup }) => {
    const own = await startRedis();
    cleanup.push(() => own.stop());
    const connection = connectRedis({ url: own.url, name: 'test' });
    cleanup.push(() => connection.disconnect());
    await whenReady(connection, 5_000);
    const endpoint = await startPushEndpoint();
    cleanup.push(() => endpoint.stop());
    const rig = dispatchRig(connection, { url: own.url });
    cleanup.push(() => rig.dispose());
    await rig.subscribe({ name: 's', push: { url: endpoint.url }, ackDeadlineSeconds: 5, backOff: QUICK.backOff });
    // a slow endpoint, one record of the vehicle at a time: the records in memory would last for two seconds
    endpoint.delayMs = 3;
    for (let n = 0; n < 800; n++) void rig.add(VIN, n);
    await rig.add('LAST', 0);
    rig.start({ leaseMs: 300 });
    await eventually(() => endpoint.pushes.length > 50);
    own.pause();
    const pausedMs = performance.now();
    await eventually(() => performance.now() - pausedMs > 350);
    const sent = endpoint.pushes.length;
    await eventually(() => performance.now() - pausedMs > 600);
    expect(endpoint.pushes.length).toBe(sent);
    own.resume();
    endpoint.delayMs = 0;
    await eventually(() => rig.isDone('s'));
    expect(disorder(endpoint.pushes.map(socOf))).toEqual([]);
    expect(new Set(endpoint.pushes.map((push) => JSON.stringify(socOf(push)))).size).toBe(801);
  });
});

it('does not report records as lost that are deleted by forget while the endpoint is away', async ({
  redisServer,
  redis,
  cleanup,
}) => {
  const { rig, endpoint } = await rigWithEndpoint({ redisServer, redis, cleanup });
  endpoint.answer = () => 503;
  await rig.subscribe({
    name: 's',
    push: { url: endpoint.url },
    backOff: { minimumSeconds: 0.2, maximumSeconds: 0.2 },
  });
  rig.start({ leaseMs: 3_000 });
  for (let n = 0; n < 30; n++) await rig.add(VIN, n);
  await eventually(() => endpoint.pushes.length > 0);
  await forgetVehicle(rig.logStore, { vin: VIN, subscriptions: ['s'] });
  const attempts = endpoint.pushes.length;
  endpoint.answer = () => 204;
  await rig.add('OTHER', 0);
  await eventually(() => endpoint.accepted().some((push) => socOf(push).vin === 'OTHER'));
  expect(rig.counts.get('s')!.lost).toBe(0);
  expect(endpoint.pushes.slice(attempts).filter((push) => socOf(push).vin === VIN)).toEqual([]);
});

describe('a dispatcher that loses replies from Redis', () => {
  it('delivers the entries of a lost reply, before newer ones and under the same lease', async ({
    redisServer,
    redis,
    cleanup,
  }) => {
    const relay = await startTcpRelay(redisServer.port);
    cleanup.push(() => relay.stop());
    const connection = connectRedis({ url: `redis://127.0.0.1:${relay.port}`, name: 'test' });
    cleanup.push(() => connection.disconnect());
    await whenReady(connection, 5_000);
    const endpoint = await startPushEndpoint();
    cleanup.push(() => endpoint.stop());
    // records are appended, and checked, without the relay
    const direct = newRig({ redisServer, redis, cleanup });
    await direct.subscribe({ name: 's', push: { url: endpoint.url } });
    const rig = dispatchRig(connection, { url: redisServer.url, namespace: direct.namespace });
    cleanup.push(() => rig.dispose());
    rig.start();
    await direct.add(VIN, 0);
    await eventually(() => direct.isDone('s'));
    const { epoch } = partitionKeys(direct.namespace, 0);
    const before = await redis.get(epoch('subscription:s'));
    relay.losesAnswers = true;
    for (let n = 1; n < 20; n++) await direct.add(VIN, n);
    await eventually(async () => (await direct.store.control('s').lagOf(0)).pending > 0);
    relay.cut();
    relay.losesAnswers = false;
    await eventually(() => direct.isDone('s'));
    expect(disorder(endpoint.pushes.map(socOf))).toEqual([]);
    expect(endpoint.pushes.map((push) => socOf(push).n)).toEqual(Array.from({ length: 20 }, (_, n) => n));
    expect(await redis.get(epoch('subscription:s'))).toBe(before);
  });
});

interface GoldenVector {
  topic: string;
  txid: string;
  stored: Buffer;
  publishes: object;
}

/** Every record that Tesla's server publishes, as ingest stores it. */
function goldenVectors(): GoldenVector[] {
  const file = new URL('../../../packages/protocol/fixtures/golden_records.json', import.meta.url);
  const { vectors } = JSON.parse(readFileSync(file, 'utf8'));
  // biome-ignore lint/suspicious/noExplicitAny: the fixture's shape differs from vector to vector
  const published = vectors.filter((vector: any) => vector.expect.kind === 'record' && vector.tesla_server.publishes);
  // biome-ignore lint/suspicious/noExplicitAny: as above
  return published.map(({ envelope_hex, tesla_server }: any) => {
    const envelope = readEnvelope(Buffer.from(envelope_hex, 'hex'));
    if (envelope instanceof EnvelopeError) throw envelope;
    const { topic, payload } = envelope;
    const stored = isTopic(topic) ? Buffer.concat([payload, vinField(topicShapes[topic], VIN)]) : payload;
    return { topic, txid: envelope.txid.toString(), stored, publishes: tesla_server.publishes };
  });
}

function kindOf(headers: Record<string, unknown>, body: unknown): string {
  if (headers['content-type'] === 'application/x-protobuf') return 'bare';
  return (body as { message?: unknown }).message ? 'raw' : 'flat';
}

function newRig({ redisServer, redis, cleanup }: Context, options: { partitions?: number } = {}): DispatchRig {
  const rig = dispatchRig(redis, { url: redisServer.url, ...options });
  cleanup.push(() => rig.dispose());
  return rig;
}

async function rigWithEndpoint(
  context: Context,
  options: { partitions?: number } = {},
): Promise<{ rig: DispatchRig; endpoint: PushEndpoint }> {
  const endpoint = await startPushEndpoint();
  context.cleanup.push(() => endpoint.stop());
  return { endpoint, rig: newRig(context, options) };
}

function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return (state >>> 0) / 2 ** 32;
  };
}
