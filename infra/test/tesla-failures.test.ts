// Each failure of Tesla's side that has a remedy can be played by the simulator's stand-in, and the client names it.
import type { KeyObject } from 'node:crypto';
import {
  createFleetApi,
  FleetApiError,
  type Problem,
  problemOfState,
  problemOfStatus,
  problems,
  systemClock,
} from '@fleetbridge/fleet-api';
import { createAuthority } from '@fleetbridge/pki';
import type { AccountState, VehicleState } from '@fleetbridge/simulator';
import { eventually } from '@fleetbridge/testing';
import { cleanupAfterEach } from '@fleetbridge/testing/cleanup';
import { commandKeyFromPem } from '@fleetbridge/vehicle-command';
import { expect, it } from 'vitest';
import { createApplicationKey, signConfig } from '../../packages/simulator/test/tesla-client.js';
import { allScopes, apiCaPem, domain, startSetUp, vin } from '../../packages/simulator/test/tesla-set-up.js';
import { caPem, startVehicleServer } from '../../packages/simulator/test/vehicle-server.js';

const cleanUp = cleanupAfterEach();
const application = { clientId: 'client', clientSecret: 'secret' };
const fields = { Soc: { interval_seconds: 1 } };

/** The stand-in with a registered application, a paired vehicle and a signed-in owner; our client; and an ingest. */
async function start(options: Parameters<typeof startSetUp>[0] = {}) {
  const server = await startVehicleServer(() => 'ack');
  const standIn = await startSetUp(options);
  cleanUp.push(
    () => server.stop(),
    () => standIn.api.stop(),
  );
  const { api, key } = standIn;
  const fleet = createFleetApi({
    clock: systemClock,
    random: () => 0.5,
    ca: apiCaPem,
    apiUrl: api.url,
    authUrl: api.authUrl,
  });
  const keyOf = (privateKey: KeyObject) =>
    commandKeyFromPem(privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
  const partner = await fleet.partner(application);
  await partner.register(domain);
  api.pair(domain);
  const signIn = async (scope = allScopes) => {
    const answer = await standIn.signIn(scope);
    return { refreshToken: answer.refresh_token as string, owner: fleet.owner(async () => answer.access_token) };
  };
  const { owner, refreshToken } = await signIn();
  const claims = { hostname: 'telemetry.example.com', port: Number(new URL(server.url).port), ca: caPem, fields };
  const send = (change: object = {}, privateKey = key.privateKey, by = owner) =>
    by.createConfiguration({ vins: [vin], claims: { ...claims, ...change }, key: keyOf(privateKey) });
  /** The problem that the vehicle has reported; a connection that ends early may be reported before it. */
  const reported = async () => {
    let problem: Problem | undefined;
    await eventually(async () => {
      problem = (await partner.telemetryErrors()).find((report) => report.problem !== undefined)?.problem;
      return problem !== undefined;
    }, 30_000);
    return problem;
  };
  const synced = async () => {
    await eventually(() => api.vehicle(vin).isSynced, 30_000);
    return owner.configuration(vin);
  };
  return {
    ...standIn,
    server,
    fleet,
    partner,
    owner,
    refreshToken,
    claims,
    signInAgain: signIn,
    send,
    reported,
    synced,
    account: (change: Partial<AccountState>) => api.changeAccount(change),
    vehicle: (change: Partial<VehicleState>) => api.changeVehicle(vin, change),
  };
}

type StandIn = Awaited<ReturnType<typeof start>>;
type Played = Promise<Problem | undefined>;

const skippedWhen = (change: Partial<VehicleState>) => async (standIn: StandIn) => {
  standIn.vehicle(change);
  return (await standIn.send()).skipped[0]?.problem;
};

const rejected = async (call: Promise<unknown>): Played => {
  const error = await call.then(
    () => undefined,
    (reason) => reason,
  );
  expect(error).toBeInstanceOf(FleetApiError);
  const { meaning, remedy } = problems[(error as FleetApiError).problem];
  expect(error).toMatchObject({ meaning, remedy });
  return (error as FleetApiError).problem;
};

it.each<[Problem, (standIn: StandIn) => Played]>([
  ['domain_not_valid', ({ partner }) => rejected(partner.register('cars.example.org'))],
  ['domain_mismatch', ({ send }) => rejected(send({ hostname: 'telemetry.example.org' }))],
  [
    'public_key_download_failed',
    ({ partner, published }) => {
      published.clear();
      return rejected(partner.register(domain));
    },
  ],
  ['unauthorized_client', ({ fleet }) => rejected(fleet.partner({ ...application, clientSecret: 'other' }))],
  [
    'login_required',
    ({ api, fleet, refreshToken }) => {
      api.revokeSignIn();
      return rejected(fleet.refresh({ clientId: 'client', refreshToken }));
    },
  ],
  [
    'not_registered',
    async ({ owner, account }) => {
      // 421 leads to the other region, where the application is not registered
      await account({ region: 'eu' });
      return rejected(owner.vehicles());
    },
  ],
  [
    'scope_missing',
    async ({ account, signInAgain, send }) => {
      await account({ grantedScopes: ['offline_access', 'vehicle_device_data'] });
      const { owner } = await signInAgain();
      return rejected(send({ fields: { Location: { interval_seconds: 1 } } }, undefined, owner));
    },
  ],
  [
    'missing_key',
    async ({ partner, published, send }) => {
      published.set(domain, createApplicationKey().publicKeyPem);
      await partner.register(domain);
      return (await send()).skipped[0]?.problem;
    },
  ],
  ['unsupported_hardware', skippedWhen({ isHardwareSupported: false })],
  ['unsupported_firmware', skippedWhen({ firmware: '2024.8.9' })],
  ['max_configs', skippedWhen({ otherConfigs: 3 })],
  [
    'configuration_refused',
    async ({ vehicle, send, synced }) => {
      vehicle({ refusesConfig: true });
      await send();
      return problemOfState(await synced());
    },
  ],
  [
    'config_manager_error',
    async ({ vehicle, send, reported }) => {
      vehicle({ refusesConfig: true });
      await send();
      return reported();
    },
  ],
  [
    'limit_reached',
    async ({ account, owner, send }) => {
      await account({ isLimitReached: true });
      expect(problemOfState(await owner.configuration(vin))).toBe('limit_reached');
      return rejected(send());
    },
  ],
  [
    'billing_limit',
    async ({ account, owner }) => {
      await account({ isDisabled: true });
      return rejected(owner.fleetStatus([vin]));
    },
  ],
  [
    'port_is_text',
    async (standIn) => {
      const { claims, synced } = standIn;
      expect(await rejected(standIn.send({ port: '443' }))).toBe('port_is_text');
      // as another program sends it: accepted, and ignored by the vehicle
      const { access_token } = await standIn.signIn();
      const body = { vins: [vin], token: signConfig(standIn.key.privateKey, { ...claims, port: '443' }) };
      await standIn.call('POST', 'vehicles/fleet_telemetry_config_jws', access_token, body);
      const state = await synced();
      expect(standIn.api.errors).toEqual([]);
      return problemOfState(state);
    },
  ],
  [
    'invalid_signature',
    async ({ send, reported }) => {
      await send({}, createApplicationKey().privateKey);
      return reported();
    },
  ],
  [
    'server_not_trusted',
    async ({ send, reported }) => {
      await send({ ca: createAuthority({ commonName: 'other', days: 1 }).certificatePem });
      return reported();
    },
  ],
  [
    'no_client_certificate',
    async ({ vehicle, send, reported }) => {
      vehicle({ hasClientCertificate: false });
      await send();
      return reported();
    },
  ],
  [
    'streaming_toggle_off',
    async ({ vehicle, send, synced, owner, api }) => {
      vehicle({ isStreamingAllowed: false });
      await send();
      expect(problemOfState(await synced())).toBeUndefined();
      expect(api.vehicle(vin).isConnected).toBe(false);
      return problemOfStatus((await owner.fleetStatus([vin]))[0]!);
    },
  ],
])('%s is played and named', async (problem, play) => {
  expect(await play(await start())).toBe(problem);
});

it('wrong_region is played and named, and a region with an address is followed', async () => {
  const alone = await start({ ports: { na: 0 } });
  await alone.account({ region: 'eu' });
  expect(await rejected(alone.owner.vehicles())).toBe('wrong_region');

  const both = await start();
  await both.account({ region: 'eu' });
  await both.register(domain, both.api.urls.eu);
  expect((await both.owner.vehicles())[0]?.vin).toBe(vin);
  expect(both.fleet.apiUrl).toBe(both.api.urls.eu);
});
