// One connection to Tesla for an installation: addresses, counted calls, and the stored application.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readApiUsage } from '@fleetbridge/store';
import { it as redisIt } from '@fleetbridge/store/testing';
import { eventually } from '@fleetbridge/testing';
import { describe, expect } from 'vitest';
import { connectTesla, type TeslaConnection, writeApplication } from '../src/index.js';
import { startTeslaServer, type TeslaServer } from './tesla-server.js';

interface Context {
  tesla: TeslaServer;
  connection: TeslaConnection;
}

const it = redisIt.extend<Context>({
  tesla: async ({ task: _task }, use) => {
    const server = await startTeslaServer();
    await use(server);
    await server.stop();
  },
  connection: async ({ tesla, store }, use) => {
    const { url } = tesla.server;
    const settings = { FLEET_API_URL: url, FLEET_AUTH_URL: url, FLEET_CA_FILE: tesla.caFile };
    await use(await connectTesla({ store, dataDirectory: join(tesla.directory, '..'), settings, owner: 'test' }));
  },
});

const application = { domain: 'cars.example.com', clientId: 'client', clientSecret: 'a-very-secret-text' };

describe('the application', () => {
  it('is encrypted in Redis, and read back', async ({ connection, store, tesla, redis }) => {
    await expect(connection.application()).resolves.toBeUndefined();
    await expect(connection.partner()).rejects.toMatchObject({ problem: 'no_application' });
    await writeApplication(store, tesla.directory, application);
    await expect(connection.application()).resolves.toEqual(application);
    const stored = JSON.stringify(await redis.hgetall(store.keys(0).teslaAccount));
    expect(stored).toContain('application');
    expect(stored).not.toContain(application.clientSecret);
  });
});

it('counts each call that Tesla bills, once', async ({ connection, store }) => {
  await connection.account.signIn(
    { accessToken: 'access', refreshToken: 'refresh-0', expiresInSeconds: 28_800 },
    { clientId: 'client' },
  );
  // the server knows tokens only, and answers everything else with 401, which Tesla bills
  await expect(connection.owner.products()).rejects.toMatchObject({ status: 401 });
  await eventually(async () => expect(await readApiUsage(store)).toMatchObject([{ requests: 2 }]));
});

it('names a CA file that can not be read', async ({ store, tesla }) => {
  const settings = { FLEET_CA_FILE: join(tesla.directory, 'missing.pem') };
  await expect(connectTesla({ store, dataDirectory: tesla.directory, settings, owner: 'test' })).rejects.toMatchObject({
    problem: 'ca_file_not_readable',
  });
  expect(() => readFileSync(settings.FLEET_CA_FILE)).toThrow();
});
