// Every route with input that no client should send: a documented status and a sentence, never a 500.
import { connect } from 'node:net';
import fc from 'fast-check';
import { expect } from 'vitest';
import { it, parked, type Rig, TOKEN, VIN } from './gateway-rig.js';

const json = { 'content-type': 'application/json' };

it.for<[string, RequestInit & { token?: string }, number, string]>([
  ['/', {}, 404, 'not_found: unknown path'],
  ['/api/1/vehicles/1/nearby_charging_sites', {}, 404, 'not_found: unknown path'],
  ['/api/1/vehicles/1/command/charge_start', { method: 'POST' }, 404, 'not_found: unknown path'],
  ['/api/1/products/', { method: 'DELETE' }, 405, 'method not allowed'],
  [`/api/1/vehicles/${VIN}/vehicle_data`, { method: 'POST' }, 405, 'method not allowed'],
  [`/api/1/vehicles/${VIN}/wake_up`, {}, 405, 'method not allowed'],
  ['/oauth2/v3/token', {}, 405, 'method not allowed'],
  ['/api/1/vehicles/unknown', {}, 404, 'not_found'],
  ['/api/1/vehicles/99999999999999999999', {}, 404, 'not_found'],
  [`/api/1/vehicles/${'9'.repeat(90)}`, {}, 404, 'not_found'],
  [`/api/1/vehicles/${'9'.repeat(200)}`, {}, 414, ''],
  ['/api/1/vehicles/%zz', {}, 400, ''],
  ['/oauth2/v3/token', { method: 'POST', body: '{', headers: json }, 400, ''],
  ['/oauth2/v3/token', { method: 'POST', body: '[]', headers: json, token: '' }, 401, 'invalid_grant'],
  ['/oauth2/v3/token', { method: 'POST', body: '{"__proto__":1}', headers: json, token: '' }, 400, ''],
  ['/oauth2/v3/token', { method: 'POST', body: 'x', headers: { 'content-type': 'text/html' } }, 415, ''],
  ['/oauth2/v3/token', { method: 'POST', body: `"${'x'.repeat(70_000)}"`, headers: json }, 413, ''],
])('%s with %o is %i', async ([path, init, status, error], { startRig }) => {
  const rig = await startRig();
  const answer = await rig.request(path, init);
  expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
  expect(answer.status).toBe(status);
  if (error !== '') expect(answer.body.error).toBe(error);
  expect(answer.body.error_description).toMatch(/\w+ \w+/);
});

it('accepts a doubled slash and one at the end', async ({ startRig }) => {
  const rig = await startRig();
  for (const path of ['//api/1/products', '/api/1/products/', `/api//1/vehicles/${VIN}/`]) {
    expect((await rig.request(path)).status).toBe(200);
  }
});

it.for([
  ['an address of 1 MB', `GET /${'x'.repeat(1_000_000)} HTTP/1.1\r\nhost: x\r\n\r\n`, 431],
  ['a header of 100 KB', `GET / HTTP/1.1\r\nhost: x\r\nx: ${'x'.repeat(100_000)}\r\n\r\n`, 431],
  ['no HTTP', 'hello\r\n\r\n', 400],
] as const)('answers %s with a status and a sentence', async ([, text, status], { startRig }) => {
  const rig = await startRig();
  const answer = await send(rig, text);
  expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  expect(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4))).toMatchObject({ response: null });
});

it('never answers a fuzzed request with a server error', async ({ startRig }) => {
  const rig = await startRig();
  await rig.vehicle().connect();
  await rig.vehicle().send(parked);
  const [{ id }] = await rig.products();
  const part = fc.oneof(
    fc.constantFrom(
      'api',
      '1',
      'vehicles',
      'products',
      'vehicle_data',
      'wake_up',
      VIN,
      String(id),
      'oauth2',
      'v3',
      'token',
    ),
    fc.string({ maxLength: 12 }).map(encodeURIComponent),
    fc.webFragments({ size: 'small' }),
  );
  const query = fc.webQueryParameters({ size: 'small' });
  const method = fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH');
  const body = fc.oneof(fc.constant(undefined), fc.json(), fc.string());
  const request = fc.record({ parts: fc.array(part, { maxLength: 6 }), query, method, body, isForm: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(request, async ({ parts, query: search, method: verb, body: text, isForm }) => {
      const headers = { 'content-type': isForm ? 'application/x-www-form-urlencoded' : 'application/json' };
      const init = { method: verb, headers, ...(verb === 'GET' || text === undefined ? {} : { body: text }) };
      const answer = await rig.request(`/${parts.join('/')}?${search}`, init);
      expect(answer.status).toBeLessThan(500);
      expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
    }),
    { numRuns: 300 },
  );
  expect((await rig.data()).status).toBe(200);
});

function send(rig: Rig, text: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect(rig.port, '127.0.0.1', () => socket.write(text));
    socket.on('data', (data) => {
      answer += data.toString();
    });
    // the server can close while the request is still being written
    socket.on('error', () => {});
    socket.on('close', () => resolve(answer));
  });
}

it('keeps a token in the address out of its answer', async ({ startRig }) => {
  const rig = await startRig();
  const { body } = await rig.request(`/api/2/unknown?token=${TOKEN}`, { token: '' });
  expect(JSON.stringify(body)).not.toContain(TOKEN);
});
