// A Google Pub/Sub push from a subscription behind Tesla's own server, from the request to the log.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { decodeRecord, signalsOf, type VehicleData } from '@fleetbridge/protocol';
import { partitionKeys } from '@fleetbridge/store';
import { eventually } from '@fleetbridge/testing';
import fc from 'fast-check';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { describe, expect } from 'vitest';
import { readPush } from '../src/pubsub/pubsub-message.js';
import { OTHER_VIN, type Rig, TOKEN, VIN } from './streaming-rig.js';
import { it as streamingTest } from './streaming-test.js';

const AUDIENCE = 'https://bridge.example';
const ACCOUNT = 'push@my-fleet.iam.gserviceaccount.com';
/** Later than the recorded pushes. */
const NOW_MS = Date.UTC(2026, 10, 2);
const withToken = { PUBSUB_PUSH_TOKEN: 'push-secret', ALLOWED_VINS: VIN };

const it = streamingTest.extend<{ open: (env: Record<string, string>) => Promise<Rig> }>({
  open: async ({ startRig }, use) => {
    await use((env) => startRig({ env, now: () => NOW_MS }));
  },
});

interface Push {
  message: { data: string; attributes: Record<string, string>; messageId: string };
}

describe('a push', () => {
  it.for(['push-protobuf', 'push-json'])(
    'as recorded (%s) is in the log when it is answered',
    async (name, { open }) => {
      const rig = await open(withToken);
      expect(await post(rig, recorded(name))).toBe(204);
      const [entry, ...others] = await rig.entries();
      expect(others).toEqual([]);
      expect(entry).toMatchObject({
        vin: VIN,
        topic: 'V',
        txid: '8f8bd7b4-6a38-4bd2-9f0a-2f1d6a0c9a11',
        createdMs: Date.UTC(2026, 9, 25, 20, 53, 20, 500),
        receivedMs: Date.UTC(2026, 9, 25, 20, 53, 21, 240),
        version: '1.1.0',
      });
      const { message } = decodeRecord('V', entry!.payload) as { message: VehicleData };
      expect(message.vin).toBe(VIN);
      expect(signalsOf(message)).toEqual([
        { name: 'Location', value: { latitude: 48.137154, longitude: 11.576124 } },
        { name: 'VehicleSpeed', value: 31.5 },
        { name: 'Gear', value: 'ShiftStateD' },
        { name: 'Soc', value: 71.4 },
      ]);
    },
  );

  it('with the names of the .proto files instead of those of JSON is read in the same way', async ({ open }) => {
    const rig = await open(withToken);
    const json = {
      data: [{ key: 'Soc', value: { double_value: 58 } }],
      created_at: '2026-10-25T19:56:40Z',
      vin: VIN,
      is_resend: false,
    };
    const data = Buffer.from(JSON.stringify(json)).toString('base64');
    expect(await post(rig, changed(recorded('push-json'), { data }))).toBe(204);
    const [entry] = await rig.entries();
    expect(entry?.createdMs).toBe(Date.UTC(2026, 9, 25, 19, 56, 40));
    const { message } = decodeRecord('V', entry!.payload) as { message: VehicleData };
    expect(signalsOf(message)).toEqual([{ name: 'Soc', value: 58 }]);
  });

  it('that is repeated is recognised by the vehicle’s id or the message’s', async ({ open }) => {
    const rig = await open(withToken);
    const push = recorded('push-protobuf');
    expect([await post(rig, push), await post(rig, push)]).toEqual([204, 204]);
    const sentTwiceByVehicle = changed(push, { messageId: '2' });
    expect(await post(rig, sentTwiceByVehicle)).toBe(204);
    const { txid: _, ...attributes } = push.message.attributes;
    const withoutId = { message: { ...push.message, attributes, messageId: '3' } };
    expect([await post(rig, withoutId), await post(rig, withoutId)]).toEqual([204, 204]);
    expect((await rig.entries()).map(({ txid }) => txid)).toEqual([push.message.attributes.txid, 'pubsub:3']);
    expect(rig.counts.pushes).toEqual({ stored: 2, repeat: 3 });
  });

  it('has the VIN of its attributes, whatever the payload claims', async ({ open }) => {
    const rig = await open({ ...withToken, ALLOWED_VINS: '*' });
    await post(rig, changed(recorded('push-protobuf'), { attributes: { vin: OTHER_VIN } }));
    const [entry] = await rig.entries();
    expect(entry?.vin).toBe(OTHER_VIN);
    expect((decodeRecord('V', entry!.payload) as { message: VehicleData }).message.vin).toBe(OTHER_VIN);
  });

  it('of a vehicle that is not allowed is rejected, and so is a malformed record', async ({ open }) => {
    const rig = await open(withToken);
    const push = recorded('push-protobuf');
    expect(await post(rig, changed(push, { attributes: { vin: OTHER_VIN } }))).toBe(403);
    for (const [attributes, data] of [
      [{ txtype: 'X' }, push.message.data],
      [{ vin: 'a b' }, push.message.data],
      [{}, Buffer.from([0x0a, 0x05, 0x01]).toString('base64')],
      [{}, Buffer.from('{"data":[').toString('base64')],
      [{}, Buffer.from('{"data":7}').toString('base64')],
    ] as const) {
      expect(await post(rig, changed(push, { attributes, data }))).toBe(400);
    }
    expect(await rig.entries()).toEqual([]);
    expect(rig.counts.pushes).toEqual({ vin_not_allowed: 1, malformed: 5 });
  });

  it('of a topic of EXTRA_TOPICS is stored unchanged, with the time of its receipt', async ({ open }) => {
    const rig = await open({ ...withToken, EXTRA_TOPICS: 'metrics,FS' });
    const data = Buffer.from('{"not":"protobuf"}').toString('base64');
    const push = changed(recorded('push-json'), { data, attributes: { txtype: 'metrics' } }) as Push;
    expect([await post(rig, push), await post(rig, push)]).toEqual([204, 204]);
    const other = changed(push, { attributes: { txtype: 'metric' }, messageId: '9' });
    expect(await post(rig, other)).toBe(400);
    const [entry, ...others] = await rig.entries();
    expect(others).toEqual([]);
    expect(entry).toMatchObject({ vin: VIN, topic: 'metrics', createdMs: entry!.receivedMs });
    expect(entry!.payload.toString()).toBe('{"not":"protobuf"}');
    expect(rig.counts.pushes).toEqual({ stored: 1, repeat: 1, malformed: 1 });
    expect(readPush(other, NOW_MS, new Set(['metrics']))).toEqual({
      refusal: 'the attribute txtype is not V, alerts, errors, connectivity, metrics (EXTRA_TOPICS adds to them)',
    });
  });

  it('is answered with success only after it was stored', async ({ open, redisServer }) => {
    const rig = await open(withToken);
    const { records } = partitionKeys(rig.namespace, 0);
    await rig.redis.set(records, 'not a stream');
    expect(await post(rig, recorded('push-protobuf'))).toBe(503);
    await rig.redis.del(records);
    redisServer.pause();
    let answer: number | undefined;
    const answered = post(rig, recorded('push-protobuf')).then((status) => {
      answer = status;
    });
    await delay(30);
    expect(answer).toBeUndefined();
    redisServer.resume();
    await answered;
    expect(answer).toBe(204);
    expect(await rig.entries()).toHaveLength(1);
  });

  it('of a connection is ignored when a newer one is known: Pub/Sub keeps no order', async ({ open }) => {
    const rig = await open(withToken);
    const connectivity = (status: string, at: string, messageId: string) => {
      const json = JSON.stringify({ vin: VIN, connectionId: 'c', status, createdAt: at });
      const attributes = { vin: VIN, txtype: 'connectivity', txid: 'c' };
      return { message: { data: Buffer.from(json).toString('base64'), attributes, messageId } };
    };
    await post(rig, connectivity('CONNECTED', '2026-11-01T10:00:00Z', '1'));
    await post(rig, connectivity('CONNECTED', '2026-11-01T11:00:00Z', '2'));
    expect(await post(rig, connectivity('DISCONNECTED', '2026-11-01T10:59:00Z', '3'))).toBe(204);
    await eventually(() => rig.feeds.of(VIN).state.connectivity?.isConnected === true);
    await post(rig, connectivity('DISCONNECTED', '2026-11-01T12:00:00Z', '4'));
    await eventually(() => rig.feeds.of(VIN).state.connectivity?.isConnected === false);
    expect(rig.counts.pushes).toEqual({ stored: 3, superseded: 1 });
  });

  it('reaches clients', async ({ open }) => {
    const rig = await open(withToken);
    await post(rig, recorded('push-protobuf'));
    await eventually(async () => {
      const response = await fetch(`${rig.url}/vehicles/${VIN}?token=${TOKEN}`);
      return response.ok && JSON.stringify(await response.json()).includes('VehicleSpeed');
    });
  });

  it('with any body is either a record or a reason for its rejection', () => {
    const push = recorded('push-protobuf');
    fc.assert(
      fc.property(fc.uint8Array(), fc.constantFrom('V', 'alerts', 'errors', 'connectivity', 'x'), (bytes, txtype) => {
        const data = Buffer.from(bytes).toString('base64');
        const read = readPush(changed(push, { attributes: { txtype }, data }), Date.now());
        return 'record' in read || read.refusal !== '';
      }),
    );
    fc.assert(fc.property(fc.json(), (body) => 'refusal' in readPush(JSON.parse(body), 1)));
  });
});

describe('the sender of a push', () => {
  it('is rejected while no sender is configured', async ({ open }) => {
    const rig = await open({});
    expect(await post(rig, recorded('push-json'), { token: 'x' })).toBe(404);
  });

  it('is identified by the secret in its URL', async ({ open }) => {
    const rig = await open(withToken);
    expect(await post(rig, recorded('push-json'), { token: 'wrong' })).toBe(401);
    expect(await post(rig, recorded('push-json'), { token: TOKEN })).toBe(401);
    expect(await post(rig, recorded('push-json'), {})).toBe(401);
    expect(await post(rig, recorded('push-json'), { token: 'wrong&token=wrong' })).toBe(401);
    expect(await rig.entries()).toEqual([]);
  });

  it('is identified by the token that Google signs for its account and our audience', async ({ open, cleanup }) => {
    const google = await signer(cleanup);
    const rig = await open({
      PUBSUB_PUSH_AUDIENCE: AUDIENCE,
      PUBSUB_PUSH_ACCOUNT: ACCOUNT,
      PUBSUB_PUSH_JWKS: google.url,
      ALLOWED_VINS: '*',
    });
    const push = recorded('push-protobuf');
    const status = async (claims: object) => post(rig, push, { bearer: await google.sign(claims) });
    expect(await status({ aud: 'https://elsewhere.example' })).toBe(401);
    expect(await status({ email: 'other@example.com' })).toBe(401);
    expect(await status({ email_verified: false })).toBe(401);
    expect(await status({ iss: 'https://example.com' })).toBe(401);
    expect(await status({ exp: 1_700_000_000 })).toBe(401);
    expect(await post(rig, push, { bearer: await (await signer(cleanup)).sign({}) })).toBe(401);
    expect(await rig.entries()).toEqual([]);
    expect(await status({})).toBe(204);
    expect(await rig.entries()).toHaveLength(1);
  });
});

async function post(rig: Rig, body: object, sender: { token?: string; bearer?: string } = { token: 'push-secret' }) {
  const query = sender.token === undefined ? '' : `?token=${sender.token}`;
  const headers = {
    'content-type': 'application/json',
    ...(sender.bearer === undefined ? {} : { authorization: `Bearer ${sender.bearer}` }),
  };
  return (await fetch(`${rig.url}/${query}`, { method: 'POST', headers, body: JSON.stringify(body) })).status;
}

function recorded(name: string): Push {
  return JSON.parse(readFileSync(new URL(`fixtures/${name}.json`, import.meta.url), 'utf8'));
}

function changed(push: Push, message: { attributes?: object; data?: string; messageId?: string }): object {
  const attributes = { ...push.message.attributes, ...message.attributes };
  return { ...push, message: { ...push.message, ...message, attributes } };
}

async function signer(cleanup: (() => unknown)[]) {
  const { privateKey, publicKey } = await generateKeyPair('RS256');
  const keys = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'g-1', alg: 'RS256' }] });
  const server = createServer((_request, response) => response.end(keys));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanup.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  const claims = {
    iss: 'https://accounts.google.com',
    aud: AUDIENCE,
    email: ACCOUNT,
    email_verified: true,
    exp: NOW_MS / 1000 + 3_600,
  };
  return {
    url: `http://127.0.0.1:${(server.address() as { port: number }).port}/certs`,
    sign: (other: object) =>
      new SignJWT({ ...claims, ...other }).setProtectedHeader({ alg: 'RS256', kid: 'g-1' }).sign(privateKey),
  };
}
