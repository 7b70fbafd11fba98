// Retries, limits, regions and counting against a real HTTPS server.
import { freePort } from '@fleetbridge/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { FleetApiError, systemClock } from '../src/index.js';
import { type FleetServer, failure, ok, startFleetServer } from './fleet-server.js';

const VIN = '5YJ3E1EA7KF000001';
const TOKEN = 'owner-token-1';
const tokens = () => Promise.resolve(TOKEN);

let fleet: FleetServer;
afterEach(() => fleet.stop());

async function errorOf(promise: Promise<unknown>): Promise<FleetApiError> {
  const error = await promise.then(
    () => undefined,
    (reason) => reason,
  );
  expect(error).toBeInstanceOf(FleetApiError);
  return error;
}

describe('retries', () => {
  it('repeat a read after a server error and a lost answer, with back-off', async () => {
    const answers = [failure(503, 'busy'), 'lose' as const, ok([])];
    fleet = await startFleetServer(() => answers.shift()!);
    expect(await fleet.api.owner(tokens).products()).toEqual([]);
    expect(fleet.waits).toEqual([500, 1_000]);
    expect(fleet.calls.map(({ status }) => status)).toEqual([503, undefined, 200]);
  });

  it('stop after three attempts', async () => {
    fleet = await startFleetServer(() => failure(502, 'bad gateway'));
    expect(await errorOf(fleet.api.owner(tokens).products())).toMatchObject({ problem: 'tesla_failed', status: 502 });
    expect(fleet.server.requests).toHaveLength(3);
  });

  it.each([
    ['a refresh', () => fleet.api.refresh({ clientId: 'id', refreshToken: 'r' })],
    [
      'a code',
      () => fleet.api.exchangeCode({ clientId: 'id', clientSecret: 's', code: 'c', redirectUri: 'http://l/' }),
    ],
    ['a wake', () => fleet.api.owner(tokens).wakeUp(VIN)],
    ['a signed command', () => fleet.api.owner(tokens).signedCommand(VIN, '{}', { timeoutMs: 30_000 })],
  ])('do not repeat %s whose answer was lost', async (_name, call) => {
    fleet = await startFleetServer(() => 'lose');
    expect(await errorOf(call())).toMatchObject({ problem: 'answer_lost', delivery: 'unknown' });
    expect(fleet.server.requests).toHaveLength(1);
  });

  it('do not repeat a refresh after a server error, but after 429', async () => {
    const answers = [failure(429, 'Retry in 3 seconds'), failure(500, 'internal')];
    fleet = await startFleetServer(() => answers.shift()!);
    const error = await errorOf(fleet.api.refresh({ clientId: 'id', refreshToken: 'r' }));
    expect(error).toMatchObject({ problem: 'tesla_failed' });
    expect(fleet.waits).toEqual([3_000]);
  });

  it('wait as long as Retry-After asks, in seconds or until a date', async () => {
    const date = new Date(Date.UTC(2026, 10, 26, 12, 0, 27)).toUTCString();
    const answers = [failure(429, '', { 'retry-after': '20' }), failure(503, '', { 'retry-after': date }), ok([])];
    fleet = await startFleetServer(() => answers.shift()!);
    await fleet.api.owner(tokens).vehicles();
    expect(fleet.waits).toEqual([20_000, 7_000]);
  });

  it('return the time to wait when it is longer than the limit of the call', async () => {
    fleet = await startFleetServer(() => failure(429, '', { 'retry-after': '3600' }));
    const error = await errorOf(fleet.api.owner(tokens).products());
    expect(error).toMatchObject({ problem: 'rate_limited', retryAfterSeconds: 3_600 });
    expect(fleet.server.requests).toHaveLength(1);
  });
});

describe('an answer', () => {
  it('that never comes ends at the time limit', async () => {
    let onRequest = () => {};
    let endAttempt = () => {};
    const clock = {
      ...systemClock,
      after(_milliseconds: number, run: () => void) {
        endAttempt = run;
        return () => {};
      },
    };
    const hang = () => {
      onRequest();
      return 'hang' as const;
    };
    fleet = await startFleetServer(hang, { clock });
    const waiting = new Promise<void>((resolve) => {
      onRequest = resolve;
    });
    const failed = errorOf(fleet.api.owner(tokens).wakeUp(VIN));
    await waiting;
    endAttempt();
    expect(await failed).toMatchObject({ problem: 'time_limit', delivery: 'unknown' });
    expect(fleet.calls).toEqual([{ endpoint: 'wake_up', kind: 'wakes', status: undefined, isBillable: true }]);
  });

  it('that is too large is not read to its end', async () => {
    fleet = await startFleetServer(() => ok('x'.repeat(5_000)), { limits: { maxBytes: 4_000 } });
    expect(await errorOf(fleet.api.owner(tokens).products())).toMatchObject({ problem: 'answer_too_large' });
    expect(fleet.server.requests).toHaveLength(1);
  });

  it.each([
    ['text', '<html>not Tesla</html>'],
    ['half of a JSON', '{"response": ['],
    ['null', 'null'],
    ['a list', '[]'],
    ['another shape', '{"response": 7}'],
  ])('that is %s is a typed error', async (_name, body) => {
    fleet = await startFleetServer(() => ({ status: 200, body }));
    const owner = fleet.api.owner(tokens);
    const calls = [
      () => owner.products(),
      () => owner.fleetStatus([VIN]),
      () => owner.configuration(VIN),
      () => owner.vehicleData(VIN),
    ];
    for (const call of calls) {
      expect(await errorOf(call())).toMatchObject({ problem: 'answer_not_valid' });
    }
  });

  it('that redirects is not followed', async () => {
    fleet = await startFleetServer(() => ({ status: 302, body: '', headers: { location: 'https://example.com/' } }));
    expect(await errorOf(fleet.api.owner(tokens).products())).toMatchObject({ problem: 'answer_not_valid' });
  });

  it('that repeats a secret does not put it into the error', async () => {
    fleet = await startFleetServer(({ authorization, body }) => failure(400, `bad ${authorization} ${body}\u001b[2J`));
    const calls = [
      () => fleet.api.owner(tokens).products(),
      () => fleet.api.refresh({ clientId: 'id', refreshToken: 'refresh/1' }),
    ];
    for (const call of calls) {
      const error = await errorOf(call());
      const text = `${error.message} ${JSON.stringify(error)} ${error.stack}`;
      expect(text).toContain('***');
      expect(text).not.toMatch(/owner-token-1|refresh.{1,3}1/);
      expect(text).not.toContain('\u001b');
    }
  });
});

describe('a server', () => {
  it('that does not listen was not sent the request', async () => {
    fleet = await startFleetServer(() => ok([]));
    const api = fleet.connect({ apiUrl: `https://localhost:${await freePort()}` });
    const error = await errorOf(api.owner(tokens).wakeUp(VIN));
    expect(error).toMatchObject({ problem: 'not_reachable', delivery: 'not_sent' });
    expect(fleet.calls).toEqual([{ endpoint: 'wake_up', kind: 'wakes', status: undefined, isBillable: false }]);
  });

  it('with an untrusted certificate receives no token', async () => {
    fleet = await startFleetServer(() => ok([]));
    const error = await errorOf(fleet.connect({ ca: undefined }).owner(tokens).products());
    expect(error).toMatchObject({ problem: 'certificate_not_trusted', delivery: 'not_sent' });
    expect(fleet.server.requests).toHaveLength(0);
  });
});

describe('the region', () => {
  it('of the account is found after a 421 and remembered', async () => {
    fleet = await startFleetServer(({ path }) =>
      path.endsWith('/region')
        ? ok({ region: 'eu', fleet_api_base_url: second.url })
        : failure(421, 'user out of region, use base URL: https://example.com'),
    );
    const second = await fleet.startSecond(() => ok([]));
    const found: string[] = [];
    const api = fleet.connect({ onRegionFound: (url) => found.push(url) });
    const owner = api.owner(tokens);
    await owner.products();
    await owner.vehicles();
    expect(fleet.server.requests.map(({ path }) => path)).toEqual(['/api/1/products', '/api/1/users/region']);
    expect(second.requests.map(({ path }) => path)).toEqual(['/api/1/products', '/api/1/vehicles']);
    expect([api.apiUrl, ...found]).toEqual([second.url, second.url]);

    await fleet.connect({ rememberedUrl: second.url }).owner(tokens).products();
    expect(fleet.server.requests).toHaveLength(2);
  });

  it('is also read from the text of the 421', async () => {
    fleet = await startFleetServer(({ path }) =>
      path.endsWith('/region') ? failure(403, 'x') : failure(421, `use base URL: ${second.url}, see the docs`),
    );
    const second = await fleet.startSecond(() => ok({ vin: VIN, state: 'online' }));
    expect(await fleet.api.owner(tokens).wakeUp(VIN)).toMatchObject({ vin: VIN, state: 'online' });
  });

  it('is not followed to a host that is not of Tesla or of the stand-in', async () => {
    fleet = await startFleetServer(({ path }) =>
      path.endsWith('/region')
        ? ok({ region: 'eu', fleet_api_base_url: 'https://evil.example' })
        : failure(421, 'use base URL: https://fleet-api.prd.eu.vn.cloud.tesla.com'),
    );
    expect(await errorOf(fleet.api.owner(tokens).products())).toMatchObject({ problem: 'wrong_region', status: 421 });
  });

  it('is followed once', async () => {
    fleet = await startFleetServer(({ path }) =>
      path.endsWith('/region') ? ok({ region: 'eu', fleet_api_base_url: second.url }) : failure(421, ''),
    );
    const second = await fleet.startSecond(() => failure(421, ''));
    expect(await errorOf(fleet.api.owner(tokens).products())).toMatchObject({ problem: 'wrong_region' });
    expect(second.requests).toHaveLength(1);
  });
});

describe('a rejected access token', () => {
  it('is replaced once, and the call repeated', async () => {
    fleet = await startFleetServer(({ authorization }) =>
      authorization === 'Bearer new' ? ok([]) : failure(401, 'invalid bearer token'),
    );
    const asked: (string | undefined)[] = [];
    const renewing = (rejected?: string) => {
      asked.push(rejected);
      return Promise.resolve(rejected === undefined ? 'old' : 'new');
    };
    await fleet.api.owner(renewing).products();
    expect(asked).toEqual([undefined, 'old']);
  });

  it('does not repeat a command whose time has passed meanwhile', async () => {
    let nowMs = 0;
    const clock = { ...systemClock, monotonicMs: () => nowMs };
    fleet = await startFleetServer(() => failure(401, 'invalid bearer token'), { clock });
    const slow = (rejected?: string) => {
      if (rejected !== undefined) nowMs += 10_000;
      return Promise.resolve(rejected === undefined ? 'old' : 'new');
    };
    const answer = await fleet.api.owner(slow).command(VIN, 'door_unlock', '{}', { timeoutMs: 10_000 });
    expect(answer.status).toBe(401);
    expect(fleet.server.requests).toHaveLength(1);
  });

  it('is an error without another token', async () => {
    fleet = await startFleetServer(() => failure(401, 'invalid bearer token'));
    expect(await errorOf(fleet.api.owner(tokens).products())).toMatchObject({ problem: 'token_rejected' });
    expect(fleet.server.requests).toHaveLength(1);
  });
});

it('counts each call by endpoint and by what Tesla bills, with the time of the answer', async () => {
  const answers = [failure(408, 'vehicle unavailable'), failure(540, 'x'), failure(404, 'not_found'), 'lose' as const];
  fleet = await startFleetServer(() => answers.shift() ?? { status: 200, body: { access_token: 't', expires_in: 9 } });
  const owner = fleet.api.owner(tokens);
  await errorOf(owner.wakeUp(VIN));
  await owner.signedCommand(VIN, '{}', { timeoutMs: 30_000 });
  await errorOf(owner.vehicleData(VIN));
  await errorOf(owner.command(VIN, 'flash_lights', '{}', { timeoutMs: 30_000 }));
  await errorOf(fleet.api.partner({ clientId: 'id', clientSecret: 's' }).then((partner) => partner.telemetryErrors()));
  const dateMs = expect.any(Number);
  expect(fleet.calls.slice(0, 6)).toEqual([
    { endpoint: 'wake_up', kind: 'wakes', status: 408, isBillable: true, dateMs },
    { endpoint: 'signed_command', kind: 'commands', status: 540, isBillable: false, dateMs },
    { endpoint: 'vehicle_data', kind: 'requests', status: 404, isBillable: true, dateMs },
    { endpoint: 'command', kind: 'commands', status: undefined, isBillable: true, dateMs: undefined },
    { endpoint: 'token_partner', kind: 'free', status: 200, isBillable: false, dateMs },
    { endpoint: 'fleet_telemetry_errors', kind: 'requests', status: 200, isBillable: true, dateMs },
  ]);
});

describe('a read of any path', () => {
  it('asks before each request, also the one for the region, and is never repeated', async () => {
    fleet = await startFleetServer(({ path }) =>
      path.endsWith('/region') ? ok({ region: 'eu', fleet_api_base_url: second.url }) : failure(421, ''),
    );
    const second = await fleet.startSecond(() => ok({ a: 1 }));
    const asked: number[] = [];
    const beforeSend = async () => void asked.push(fleet.server.requests.length + second.requests.length);
    const body = await fleet.api.owner(tokens).read('/api/1/users/me?x=1', { beforeSend });
    expect(JSON.parse(body)).toEqual({ response: { a: 1 } });
    expect(asked).toEqual([0, 1, 2]);
    expect(second.requests.map(({ path }) => path)).toEqual(['/api/1/users/me?x=1']);
  });

  it('sends nothing when that is rejected, and nothing twice after a server error', async () => {
    fleet = await startFleetServer(() => failure(503, 'busy'));
    const owner = fleet.api.owner(tokens);
    const beforeSend = () => Promise.reject(new RangeError('used up'));
    await expect(owner.read('/api/1/users/me', { beforeSend })).rejects.toThrow('used up');
    expect(fleet.server.requests).toHaveLength(0);
    expect(await errorOf(owner.read('/api/1/users/me'))).toMatchObject({ problem: 'tesla_failed', endpoint: 'other' });
    expect(fleet.server.requests).toHaveLength(1);
  });
});
