// HTTP and the WebSocket of raw records, each with a real client.
import { spawn } from 'node:child_process';
import { get } from 'node:http';
import { encodeMessage, Field, timestampOf } from '@fleetbridge/protocol';
import { eventually } from '@fleetbridge/testing';
import { describe, expect } from 'vitest';
import { WebSocket } from 'ws';
import { OTHER_VIN, type Rig, TOKEN, VIN } from './streaming-rig.js';
import { it } from './streaming-test.js';

describe('GET /vehicles', () => {
  it('returns the current state per vehicle, with a cursor from which /events continues', async ({ startRig }) => {
    const rig = await startRig();
    await rig.presence(true);
    await rig.soc(71.5, { atMs: Date.UTC(2026, 10, 1) });
    await rig.soc(50, { vin: OTHER_VIN });
    const list = (await fetchJson(rig, '/vehicles')).body;
    expect(list.vehicles.map(({ vin }: { vin: string }) => vin)).toEqual([VIN, OTHER_VIN]);
    const { status, body } = await fetchJson(rig, `/vehicles/${VIN.toLowerCase()}`);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      vin: VIN,
      connectivity: { isConnected: true, connectionId: 'c-1', networkInterface: 'wifi' },
      signals: { Soc: { value: 71.5, time: '2026-11-01T00:00:00.000Z' } },
    });
    const events = sse(rig, `/events?cursor=${encodeURIComponent(body.cursor)}&vin=${VIN}`);
    await rig.soc(72);
    await eventually(() => events.data.length === 1);
    expect(events.data[0].data.data[0].value).toEqual({ doubleValue: 72 });
  });

  it('returns corrected values, while /events has them as sent', async ({ startRig }) => {
    const rig = await startRig();
    await rig.presence(true);
    const { cursor } = (await fetchJson(rig, `/vehicles/${VIN}`)).body;
    const data = [
      { key: Field.Soc, value: { floatValue: 52.3 } },
      { key: Field.Gear, value: { stringValue: '"R"' } },
      { key: Field.RatedRange, value: { doubleValue: 999 } },
      { key: Field.Location, value: { locationValue: { latitude: 0, longitude: 0 } } },
    ];
    await rig.append({ topic: 'V', payload: encodeMessage('V', { vin: VIN, createdAt: timestampOf(1_000), data }) });
    const { signals } = (await fetchJson(rig, `/vehicles/${VIN}`)).body;
    const values = Object.entries<{ value: unknown }>(signals).map(([name, { value }]) => [name, value]);
    expect(Object.fromEntries(values)).toEqual({ Soc: 52.3, Gear: 'R', RatedRange: null, Location: null });
    const events = sse(rig, `/events?cursor=${encodeURIComponent(cursor)}&vin=${VIN}`);
    await eventually(() => events.data.length === 1);
    expect(events.data[0].data.data.map(({ value }: { value: unknown }) => value)).toEqual([
      { floatValue: 52.3 },
      { stringValue: '"R"' },
      { doubleValue: 999 },
      { locationValue: { latitude: 0, longitude: 0 } },
    ]);
  });

  it('answers an unknown vehicle with 404 and a malformed VIN with 400', async ({ startRig }) => {
    const rig = await startRig();
    expect((await fetchJson(rig, '/vehicles/5YJ3E1EA7KF000099')).status).toBe(404);
    expect((await fetchJson(rig, '/vehicles/a%20b')).status).toBe(400);
  });
});

describe('a token', () => {
  it('is a bearer header or ?token=, and is required', async ({ startRig }) => {
    const rig = await startRig();
    await rig.soc(50);
    const status = async (path: string, headers = {}) => (await fetch(rig.url + path, { headers })).status;
    expect(await status('/vehicles')).toBe(401);
    expect(await status('/vehicles?token=wrong')).toBe(401);
    expect(await status(`/vehicles?token=${TOKEN}`)).toBe(200);
    expect(await status('/vehicles', { authorization: `Bearer ${TOKEN}` })).toBe(200);
    expect(await status(`/events?vin=${VIN}`)).toBe(401);
    expect(await status('/openapi.json')).toBe(200);
    expect(rig.access.refusals).toEqual({ no_token: 2, unknown_token: 1 });
  });

  it('of one vehicle gives access to that vehicle only, with every protocol', async ({ startRig }) => {
    const rig = await startRig();
    await rig.soc(50);
    await rig.soc(51, { vin: OTHER_VIN });
    const { token } = await rig.tokens.create({ vin: VIN, label: '', nowMs: 1 });
    const list = (await fetchJson(rig, '/vehicles', token)).body;
    expect(list.vehicles.map(({ vin }: { vin: string }) => vin)).toEqual([VIN]);
    expect((await fetchJson(rig, `/vehicles/${OTHER_VIN}`, token)).status).toBe(403);
    expect((await fetchJson(rig, `/events?vin=${OTHER_VIN}`, token)).status).toBe(403);
    const events = sse(rig, '/events', { token });
    const raw = await rawClient(rig, { token });
    await raw.hello();
    await eventually(() => rig.live.count().events === 1);
    await rig.soc(52, { vin: OTHER_VIN });
    await rig.soc(53);
    await eventually(() => events.data.length === 1 && raw.records.length === 1);
    expect(events.data[0].vin).toBe(VIN);
    expect(raw.records[0]).toMatchObject({ vin: VIN });
    const other = await rawClient(rig, { token, tag: OTHER_VIN });
    await eventually(() => other.closes.length === 1);
    expect(other.closes).toEqual([1008]);
  });

  it('that is revoked ends its connections within five seconds, and no others', async ({ startRig }) => {
    const rig = await startRig();
    await rig.soc(50);
    const { token, grant } = await rig.tokens.create({ vin: '*', label: '', nowMs: 1 });
    const ended = [sse(rig, '/events', { token }), await rawClient(rig, { token }), await ownerClient(rig, token)];
    const stays = [sse(rig, '/events'), await rawClient(rig, {}), await ownerClient(rig, TOKEN)];
    await eventually(() => rig.lines.filter(({ event }) => event === 'subscribed').length === 2);
    await eventually(() => rig.live.count().events === 2 && rig.live.count().raw === 2);
    await rig.tokens.revoke(grant.id);
    await eventually(() => ended.every(({ closes }) => closes.length === 1), 5_000);
    // the raw client gets a close code, TeslaMate never gets a close frame
    expect(ended.map(({ closes }) => closes[0])).toEqual([0, 1008, 1006]);
    expect(stays.flatMap(({ closes }) => closes)).toEqual([]);
  });

  it('that is short is rejected after many wrong ones, by the address that a trusted proxy forwards', async ({
    startRig,
  }) => {
    const rig = await startRig({ env: { TRUSTED_PROXIES: '127.0.0.0/8' } });
    expect(rig.lines).toContainEqual(
      expect.objectContaining({ event: 'short_token_configured', variable: 'BRIDGE_TOKEN', level: 'warn' }),
    );
    await rig.soc(50);
    const status = async (token: string, address: string) =>
      (await fetch(`${rig.url}/vehicles?token=${token}`, { headers: { 'x-forwarded-for': address } })).status;
    await Promise.all(Array.from({ length: 50 }, (_, n) => status(`wrong-${n}`, '192.0.2.1')));
    expect(await status(TOKEN, '192.0.2.1')).toBe(401);
    expect(await status(TOKEN, '192.0.2.2')).toBe(200);
    expect(rig.access.refusals.address_limited).toBeGreaterThan(0);
  });
});

describe('GET /events', () => {
  it('starts no stream for a client that disconnected while its token was looked up', async ({ startRig }) => {
    const rig = await startRig();
    const { token } = await rig.tokens.create({ vin: VIN, label: '', nowMs: 1 });
    await rig.redis.client('PAUSE', 300, 'ALL');
    const leaving = new AbortController();
    const left = fetch(`${rig.url}/events?token=${token}`, { signal: leaving.signal }).catch(() => 'left');
    const status = async (path: string) => (await fetch(rig.url + path)).status;
    // when these are answered, the request has arrived, then its end
    expect(await status('/openapi.json')).toBe(200);
    leaving.abort();
    expect(await left).toBe('left');
    expect([await status('/openapi.json'), await status('/openapi.json')]).toEqual([200, 200]);
    // requested later, so answered later
    expect(await status(`/vehicles?token=${token}`)).toBe(200);
    expect(rig.live.count()).toEqual({});
  });

  it('continues after Last-Event-ID without a gap or a repeat, with curl as the client', async ({ startRig }) => {
    const rig = await startRig();
    const first = curl(rig, `/events?vin=${VIN}`);
    await eventually(() => rig.live.count().events === 1);
    for (let n = 1; n <= 5; n++) await rig.soc(n);
    await eventually(() => first.data().length === 5);
    first.stop();
    for (let n = 6; n <= 8; n++) await rig.soc(n);
    const second = curl(rig, `/events?vin=${VIN}`, first.ids()[2]!);
    await rig.soc(9);
    await eventually(() => second.data().length === 6);
    const socs = second.data().map(({ txid }) => txid);
    expect(socs).toEqual(['soc-4', 'soc-5', 'soc-6', 'soc-7', 'soc-8', 'soc-9']);
  });

  it('sends a record as Tesla’s own server publishes it', async ({ startRig }) => {
    const rig = await startRig();
    const events = sse(rig, '/events');
    await eventually(() => rig.live.count().events === 1);
    await rig.soc(0, { atMs: Date.UTC(2026, 10, 1) });
    await eventually(() => events.data.length === 1);
    expect(events.data[0]).toEqual({
      vin: VIN,
      topic: 'V',
      txid: 'soc-0',
      created_at: '2026-11-01T00:00:00.000Z',
      received_at: '2026-11-01T00:00:00.000Z',
      data: {
        data: [{ key: 'Soc', value: { doubleValue: 0 } }],
        createdAt: '2026-11-01T00:00:00Z',
        vin: VIN,
        isResend: false,
      },
    });
  });

  it('starts at a time, and sends the requested topics only', async ({ startRig }) => {
    const rig = await startRig();
    await rig.soc(1, { atMs: Date.UTC(2026, 10, 1, 10) });
    await rig.presence(true);
    await rig.soc(2, { atMs: Date.UTC(2026, 10, 1, 12) });
    const events = sse(rig, `/events?from=2026-11-01T11:00:00Z&topics=V,alerts`);
    await eventually(() => events.data.length === 1);
    expect(events.data[0].txid).toBe('soc-2');
    expect((await fetchJson(rig, '/events?from=soon')).status).toBe(400);
    expect((await fetchJson(rig, '/events?cursor=x')).status).toBe(400);
    expect((await fetchJson(rig, '/events?vin=A&vin=a%20b')).status).toBe(400);
  });

  it('ends a client that does not read, and no others', async ({ startRig }) => {
    const rig = await startRig({ unreadLimitMs: 300 });
    const slow = get(`${rig.url}/events?token=${TOKEN}`);
    slow.on('error', () => {});
    rig.cleanup.push(() => slow.destroy());
    await new Promise((resolve) => slow.once('response', (response) => resolve(response.pause())));
    const events = sse(rig, '/events');
    await eventually(() => rig.live.count().events === 2);
    const payload = Buffer.alloc(200_000);
    let sent = 0;
    while (rig.counts.ended.messages_unread === undefined) {
      await rig.append({ topic: 'V', txid: `${sent++}-${'x'.repeat(300_000)}`, payload });
      // the other client has read the record before the next one is sent
      await eventually(() => events.data.length === sent);
    }
    // counted at the decision, removed when the socket has closed
    await eventually(() => rig.live.count().events === 1);
    expect(rig.counts.ended).toEqual({ messages_unread: 1 });
  });
});

describe('data:subscribe_all', () => {
  it('sends every record of a vehicle, resumes by cursor, and ends with a close frame', async ({ startRig }) => {
    const rig = await startRig();
    const first = await rawClient(rig, { tag: VIN });
    await first.hello();
    await rig.soc(1);
    await rig.soc(2, { vin: OTHER_VIN });
    await rig.presence(true);
    await eventually(() => first.records.length === 2);
    expect(first.records.map(({ topic }) => topic)).toEqual(['V', 'connectivity']);
    const second = await rawClient(rig, { tag: VIN, cursor: first.records[0].cursor });
    await eventually(() => second.records.length === 1);
    expect(second.records[0]).toMatchObject({ topic: 'connectivity', data: { status: 'CONNECTED' } });
    first.socket.close(1000);
    await eventually(() => first.closes.length === 1);
    expect(first.closes).toEqual([1000]);
    await rig.stop();
    await eventually(() => second.closes.length === 1);
    expect(second.closes).toEqual([1012]);
  });

  it('with a wrong token is closed at once with a reason', async ({ startRig }) => {
    const rig = await startRig();
    const raw = await rawClient(rig, { token: 'wrong' });
    await eventually(() => raw.closes.length === 1);
    expect(raw.closes).toEqual([1008]);
  });
});

it('answers other paths and methods with 404 and a pointer to /openapi.json', async ({ startRig }) => {
  const rig = await startRig();
  expect(await (await fetch(`${rig.url}/`)).json()).toEqual({ error: 'not found; see /openapi.json' });
  expect((await fetch(`${rig.url}/`, { method: 'POST' })).status).toBe(404);
  expect((await fetch(`${rig.url}/streaming/`)).status).toBe(426);
});

async function fetchJson(rig: Rig, path: string, token = TOKEN) {
  const response = await fetch(rig.url + path, { headers: { authorization: `Bearer ${token}` } });
  // biome-ignore lint/suspicious/noExplicitAny: any JSON of the server
  return { status: response.status, body: (await response.json()) as any };
}

// biome-ignore lint/suspicious/noExplicitAny: any JSON of the server
type Json = any;

function sse(rig: Rig, path: string, { token = TOKEN } = {}) {
  const client = { data: [] as Json[], closes: [] as number[] };
  const request = get(rig.url + path, { headers: { authorization: `Bearer ${token}` } }, (response) => {
    let text = '';
    response.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
      const blocks = text.split('\n\n');
      text = blocks.pop()!;
      for (const block of blocks) client.data.push(...dataOf(block));
    });
    response.on('close', () => client.closes.push(0));
    response.on('error', () => {});
  });
  request.on('error', () => {});
  rig.cleanup.push(() => request.destroy());
  return client;
}

function dataOf(block: string): Json[] {
  return block.split('\n').flatMap((line) => (line.startsWith('data: ') ? [JSON.parse(line.slice(6))] : []));
}

function curl(rig: Rig, path: string, lastEventId?: string) {
  const header = lastEventId === undefined ? [] : ['-H', `Last-Event-ID: ${lastEventId}`];
  const child = spawn('curl', ['-sN', '-H', `Authorization: Bearer ${TOKEN}`, ...header, rig.url + path]);
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
  });
  rig.cleanup.push(() => child.kill());
  return {
    data: () => text.split('\n\n').flatMap(dataOf),
    ids: () => [...text.matchAll(/^id: (.+)\ndata/gm)].map(([, id]) => id!),
    stop: () => child.kill(),
  };
}

async function rawClient(rig: Rig, message: { token?: string; tag?: string; cursor?: string }) {
  const client = await webSocketClient(rig);
  client.socket.send(JSON.stringify({ msg_type: 'data:subscribe_all', token: TOKEN, ...message }));
  return {
    ...client,
    get records(): Json[] {
      return client.messages.filter(({ msg_type }) => msg_type === 'data:record');
    },
    hello: () => eventually(() => client.messages.some(({ msg_type }) => msg_type === 'control:hello')),
  };
}

async function ownerClient(rig: Rig, token: string) {
  const client = await webSocketClient(rig);
  client.socket.send(JSON.stringify({ msg_type: 'data:subscribe_oauth', token, value: 'soc', tag: VIN }));
  return client;
}

async function webSocketClient(rig: Rig) {
  const socket = new WebSocket(rig.wsUrl);
  const messages: Json[] = [];
  const closes: number[] = [];
  socket.on('message', (data) => messages.push(JSON.parse(data.toString())));
  socket.on('close', (code) => closes.push(code));
  rig.cleanup.push(() => socket.terminate());
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  return { socket, messages, closes };
}
