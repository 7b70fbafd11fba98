// Commands with the key and the account that `setup` stores: the gateway with its real configuration, a real Redis, and the
// stand-in of Tesla over HTTPS with a vehicle that executes signed commands.
import { readApiUsage } from '@fleetbridge/store';
import { loadApplicationKey } from '@fleetbridge/tesla-account';
import { eventually } from '@fleetbridge/testing';
import { describe, expect } from 'vitest';
import { dumpOf, VIN } from './gateway-rig.js';
import { it, type TeslaRig } from './tesla-rig.js';

const done = { response: { result: true, reason: '' } };
const signInRemedy = expect.stringContaining('`fleetbridge setup');

async function setUp(tesla: TeslaRig): Promise<void> {
  await tesla.createKey();
  await tesla.signIn();
}

const usageOf = async ({ store }: TeslaRig) => {
  const [today] = await readApiUsage(store);
  return { commands: today?.commands ?? 0, wakes: today?.wakes ?? 0 };
};

const sent = ({ api }: TeslaRig, endpoint: 'signed_command' | 'command' | 'token') => api.calls.counts()[endpoint] ?? 0;

describe('before the set-up', () => {
  it('commands report what is missing, and work without a restart when it is there', async ({ tesla }) => {
    await eventually(() =>
      expect(tesla.lines).toContainEqual(
        expect.objectContaining({ event: 'commands_unavailable', remedy: signInRemedy }),
      ),
    );
    const missingKey = { response: null, error: 'commands are not set up: There is no application key.' };
    for (const answer of [await tesla.command('door_lock'), await tesla.wakeUp()]) {
      expect(answer).toMatchObject({ status: 503, body: { ...missingKey, error_description: signInRemedy } });
    }
    await tesla.createKey();
    expect(await tesla.command('door_lock')).toMatchObject({
      status: 503,
      body: { error: 'commands are not set up: No Tesla account is signed in.', error_description: signInRemedy },
    });
    expect(sent(tesla, 'signed_command')).toBe(0);
    await tesla.signIn();
    expect(await tesla.command('door_lock')).toMatchObject({ status: 200, body: done });
    expect(tesla.vehicle.executions).toHaveLength(1);
  });
});

it('an account that allows reading only sends nothing', async ({ tesla }) => {
  await tesla.createKey();
  await tesla.signIn(['openid', 'offline_access', 'vehicle_device_data']);
  expect(await tesla.command('door_lock')).toMatchObject({
    status: 503,
    body: { error: expect.stringContaining('to read only'), error_description: signInRemedy },
  });
  expect(sent(tesla, 'signed_command')).toBe(0);
});

describe('each call', () => {
  it('is counted once for `fleetbridge cost`, also one whose answer is lost', async ({ tesla }) => {
    await setUp(tesla);
    expect((await tesla.command('door_lock')).status).toBe(200);
    await eventually(async () => expect(await usageOf(tesla)).toEqual({ commands: 2, wakes: 0 }));
    expect(await tesla.wakeUp()).toMatchObject({ status: 200, body: { response: { state: 'online' } } });
    await eventually(async () => expect(await usageOf(tesla)).toEqual({ commands: 2, wakes: 1 }));

    tesla.api.faults.add({ endpoint: 'signed_command', times: 2, play: { kind: 'lose_answer' } });
    expect(await tesla.command('door_unlock')).toMatchObject({
      status: 504,
      body: { error: expect.stringContaining('outcome unknown') },
    });
    expect(tesla.vehicle.executions).toHaveLength(2);
    expect(sent(tesla, 'signed_command')).toBe(4);
    await eventually(async () => expect(await usageOf(tesla)).toEqual({ commands: 4, wakes: 1 }));
  });

  it('goes to the region of the account', async ({ tesla }) => {
    await setUp(tesla);
    await tesla.api.changeAccount({ region: 'eu' });
    for (const calls of [3, 4]) {
      expect(await tesla.command('door_lock')).toMatchObject({ status: 200, body: done });
      expect(sent(tesla, 'signed_command')).toBe(calls);
    }
    expect(tesla.vehicle.executions).toHaveLength(2);
  });

  it('that needs REST has the body of the client', async ({ tesla }) => {
    await setUp(tesla);
    const place = { type: 'share_ext_content_raw', locale: 'en-US' };
    expect(await tesla.command('navigation_request', place)).toMatchObject({ status: 200, body: done });
    expect(tesla.vehicle.restExecutions).toEqual([{ name: 'navigation_request', body: JSON.stringify(place) }]);
    tesla.api.faults.add({ endpoint: 'command', play: { kind: 'lose_answer' } });
    expect((await tesla.command('navigation_request', place)).status).toBe(504);
    expect(tesla.vehicle.restExecutions).toHaveLength(2);
    expect(sent(tesla, 'command')).toBe(2);
  });
});

it('tokens of the account and the application key are in no log, metric, Redis value or answer', async ({ tesla }) => {
  await setUp(tesla);
  const first = await tesla.account.accessToken();
  tesla.api.faults.add({ endpoint: 'signed_command', play: { kind: 'answer', status: 401 } });
  const answers = [await tesla.command('door_lock')];
  const second = await tesla.account.accessToken();
  tesla.api.revokeSignIn();
  answers.push(await tesla.command('door_lock'), await tesla.command('door_lock'));
  expect(answers.map(({ status }) => status)).toEqual([200, 401, 503]);
  const texts = [JSON.stringify(tesla.lines), await tesla.registry.metrics(), JSON.stringify(answers)];
  const everything = [...texts, await dumpOf(tesla.store)].join('\n');
  expect(everything).toContain('door_lock');
  const { privateScalar } = loadApplicationKey(tesla.keyFile)!.key;
  const scalar = Buffer.from(privateScalar);
  const keys = [scalar.toString('hex'), scalar.toString('base64'), scalar.toString('latin1')];
  for (const secret of [first, second, ...keys]) expect(everything.includes(secret)).toBe(false);
});

describe('a vehicle that Tesla reports to be without signed commands', () => {
  it('is sent its first command over REST', async ({ tesla }) => {
    await setUp(tesla);
    tesla.api.changeVehicle(VIN, { isCommandProtocolRequired: false });
    tesla.vehicle.protocol = 'rest';
    await tesla.owner.fleetStatus([VIN]);
    expect(await tesla.command('door_lock')).toMatchObject({ status: 200, body: done });
    expect([sent(tesla, 'signed_command'), sent(tesla, 'command')]).toEqual([0, 1]);
  });

  it('that requires them all the same is sent signed commands from then on', async ({ tesla }) => {
    await setUp(tesla);
    tesla.api.changeVehicle(VIN, { isCommandProtocolRequired: false });
    for (let n = 0; n < 2; n++) {
      await tesla.owner.fleetStatus([VIN]);
      expect(await tesla.command('door_lock')).toMatchObject({ status: 200, body: done });
    }
    expect([sent(tesla, 'signed_command'), sent(tesla, 'command')]).toEqual([3, 1]);
    expect(tesla.vehicle.executions).toHaveLength(2);
  });
});

describe('an access token that Tesla rejects', () => {
  it('is refreshed; the command is executed once', async ({ tesla }) => {
    await setUp(tesla);
    tesla.api.faults.add({ endpoint: 'signed_command', play: { kind: 'answer', status: 401 } });
    const refreshes = sent(tesla, 'token');
    expect(await tesla.command('door_lock')).toMatchObject({ status: 200, body: done });
    expect(sent(tesla, 'token')).toBe(refreshes + 1);
    expect(tesla.vehicle.executions).toHaveLength(1);
  });

  it('and can not be refreshed ends in 401 with the remedy, and 503 from then on', async ({ tesla }) => {
    await setUp(tesla);
    tesla.api.revokeSignIn();
    for (const status of [401, 503]) {
      expect(await tesla.command('door_lock')).toMatchObject({
        status,
        body: { error: expect.stringContaining('refresh token is not valid'), error_description: signInRemedy },
      });
    }
    expect(sent(tesla, 'signed_command')).toBe(1);
    await tesla.signIn();
    expect(await tesla.command('door_lock')).toMatchObject({ status: 200, body: done });
  });
});

it('Tesla that can not be reached for a new access token is an error of its own', async ({ tesla }) => {
  await setUp(tesla);
  tesla.api.faults.add({ endpoint: 'signed_command', play: { kind: 'answer', status: 401 } });
  tesla.api.faults.add({ endpoint: 'token', times: 9, play: { kind: 'answer', status: 503 } });
  expect(await tesla.command('door_lock')).toMatchObject({
    status: 502,
    body: {
      error: expect.stringContaining("Tesla can't be reached"),
      error_description: 'The command was not executed.',
    },
  });
  expect(tesla.vehicle.executions).toEqual([]);
});
