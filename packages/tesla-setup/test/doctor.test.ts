// Each fault is seeded into a healthy installation; the doctor finds it and names the remedy.
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { problems } from '@fleetbridge/fleet-api';
import { ConfigurationStore, Store } from '@fleetbridge/store';
import { it as redisIt } from '@fleetbridge/store/testing';
import { writeApplication } from '@fleetbridge/tesla-account';
import { eventually } from '@fleetbridge/testing';
import { describe, expect } from 'vitest';
import { type CheckName, type DoctorReport, doctorProblems } from '../src/index.js';
import {
  application,
  type DoctorWorld,
  domain,
  ingestTls,
  listen,
  otherPublicKeyPem,
  otherRoot,
  serverCertificate,
  startWorld,
  telemetryHost,
  unpairedVin,
  unregisteredDomain,
  vehicleCas,
  vin,
} from './doctor-world.js';

const it = redisIt.extend<{ world: DoctorWorld }>({
  world: [
    async ({ redis, redisServer }, use) => {
      const world = await startWorld(new Store({ redis, url: redisServer.url, namespace: 'doctor', partitions: 1 }));
      await use(world);
      await world.stop();
    },
    { scope: 'file' },
  ],
});

const HOUR_MS = 3_600_000;
const remedies: Readonly<Record<string, { remedy: string }>> = { ...problems, ...doctorProblems };
/** The free space of the machine that runs the test is not seeded. */
const wrongIn = ({ findings }: DoctorReport) =>
  findings.filter(({ colour, check }) => (colour === 'red' || colour === 'yellow') && check !== 'disk');

type Step = (world: DoctorWorld) => unknown;

interface Fault {
  readonly name: string;
  readonly check: CheckName;
  readonly problem: string;
  readonly colour?: 'yellow';
  readonly ofVin?: string;
  readonly seed: Step;
  readonly repair: Step;
}

const setting = (name: string, value: string) => (world: DoctorWorld) => world.store.redis.config('SET', name, value);
const tls =
  (...given: Parameters<typeof ingestTls>) =>
  ({ ingest }: DoctorWorld) =>
    ingest.setSecureContext(ingestTls(...given));

const faults: readonly Fault[] = [
  {
    name: 'wrong DNS',
    check: 'dns.telemetry',
    problem: 'dns_not_found',
    seed: ({ addresses }) => addresses.delete(telemetryHost),
    repair: ({ addresses }) => addresses.set(telemetryHost, ['127.0.0.1']),
  },
  {
    name: 'a refused configuration',
    check: 'vehicle.configuration',
    problem: 'configuration_refused',
    ofVin: vin,
    async seed({ api, send }) {
      api.changeVehicle(vin, { refusesConfig: true });
      await send();
      await eventually(() => api.vehicle(vin).isRefused);
    },
    async repair({ api, send }) {
      api.changeVehicle(vin, { refusesConfig: false });
      await send();
    },
  },
  {
    name: 'an error that the car has reported',
    check: 'vehicle.reports',
    problem: 'server_not_trusted',
    ofVin: vin,
    async seed({ api, send, car }) {
      car.lookup = () => Promise.resolve('127.0.0.1');
      await send({ ca: otherRoot.certificatePem });
      await eventually(() => api.errors.some(({ error }) => /TLS verification/.test(error)));
    },
    async repair({ send, car }) {
      car.lookup = () => new Promise(() => {});
      await send();
    },
  },
  {
    name: 'a closed port',
    check: 'port.telemetry',
    problem: 'port_closed',
    seed: ({ ingest }) => ingest.close(),
    repair: ({ ingest, ingestPort }) => listen(ingest, ingestPort),
  },
  {
    name: 'an incomplete chain',
    check: 'certificate.chain',
    problem: 'chain_incomplete',
    seed: tls(undefined, { isWhole: false }),
    repair: tls(),
  },
  {
    name: 'an expired certificate',
    check: 'certificate.expiry',
    problem: 'certificate_expired',
    seed: tls(serverCertificate([telemetryHost], new Date(Date.now() - 100 * 24 * HOUR_MS))),
    repair: tls(),
  },
  {
    name: 'a `ca` that does not match',
    check: 'certificate.ca',
    problem: 'ca_mismatch',
    ofVin: vin,
    seed: ({ send }) => send({ ca: otherRoot.certificatePem }),
    repair: ({ send }) => send(),
  },
  {
    name: 'a missing acceptable CA',
    check: 'certificate.vehicle_cas',
    problem: 'vehicle_cas_missing',
    seed: tls(undefined, { cas: vehicleCas.slice(1) }),
    repair: tls(),
  },
  {
    name: 'a key that is not served',
    check: 'application.key',
    problem: 'key_not_served',
    seed: ({ served }) => Object.assign(served, { status: 404 }),
    repair: ({ served }) => Object.assign(served, { status: 200 }),
  },
  {
    name: 'another key that is served',
    check: 'application.key',
    problem: 'other_key_served',
    seed: ({ served }) => Object.assign(served, { body: otherPublicKeyPem }),
    repair: ({ served, key }) => Object.assign(served, { body: key.publicKey.pem }),
  },
  {
    name: 'a domain that is not registered',
    check: 'application.registration',
    problem: 'not_registered',
    seed: ({ store, directory }) => writeApplication(store, directory, { ...application, domain: unregisteredDomain }),
    repair: ({ store, directory }) => writeApplication(store, directory, application),
  },
  {
    name: 'a token that is used up',
    check: 'account.sign_in',
    problem: 'login_required',
    seed: ({ api }) => api.revokeSignIn(),
    repair: ({ signIn }) => signIn(),
  },
  {
    name: 'a missing scope',
    check: 'account.scopes',
    problem: 'scope_missing',
    seed: ({ signIn }) => signIn('openid offline_access vehicle_device_data vehicle_cmds'),
    repair: ({ signIn }) => signIn(),
  },
  {
    name: 'a vehicle that is not paired',
    check: 'vehicle.pairing',
    problem: 'missing_key',
    ofVin: unpairedVin,
    seed: ({ store }) => new ConfigurationStore(store).write(unpairedVin, 'wanted', '{}'),
    repair: ({ store }) => new ConfigurationStore(store).remove(unpairedVin),
  },
  {
    name: 'an old firmware',
    check: 'vehicle.firmware',
    problem: 'unsupported_firmware',
    ofVin: vin,
    seed: ({ api }) => api.changeVehicle(vin, { firmware: '2024.8.9' }),
    repair: ({ api }) => api.changeVehicle(vin, { firmware: '2026.26.6' }),
  },
  {
    name: 'a configuration that is not synced',
    check: 'vehicle.configuration',
    problem: 'configuration_waiting',
    colour: 'yellow',
    ofVin: vin,
    async seed({ api, send }) {
      api.changeVehicle(vin, { syncDelayMs: HOUR_MS });
      await send();
    },
    async repair({ api, send }) {
      api.changeVehicle(vin, { syncDelayMs: 0 });
      await send();
    },
  },
  {
    name: 'a Redis that evicts',
    check: 'redis.eviction',
    problem: 'redis_evicts',
    async seed(world) {
      await setting('maxmemory', '1gb')(world);
      await setting('maxmemory-policy', 'allkeys-lru')(world);
    },
    async repair(world) {
      await setting('maxmemory-policy', 'noeviction')(world);
      await setting('maxmemory', '0')(world);
    },
  },
  {
    name: 'a Redis that is not persistent',
    check: 'redis.persistence',
    problem: 'redis_not_persistent',
    seed: setting('appendonly', 'no'),
    repair: setting('appendonly', 'yes'),
  },
  {
    name: 'a silent car',
    check: 'vehicle.records',
    problem: 'vehicle_silent',
    ofVin: vin,
    seed: ({ recordAt }) => recordAt(Date.now() - 2 * HOUR_MS),
    repair: ({ recordAt }) => recordAt(Date.now()),
  },
  {
    name: 'a wrong clock',
    check: 'clock',
    problem: 'clock_wrong',
    seed: ({ api }) => api.changeAccount({ dateSkewMs: HOUR_MS }),
    repair: ({ api }) => api.changeAccount({ dateSkewMs: 0 }),
  },
];

describe('doctor', () => {
  it('finds nothing wrong in a healthy installation, with few billed calls', async ({ world }) => {
    const before = { ...world.api.calls.counts() };
    const report = await world.check();
    expect(wrongIn(report)).toEqual([]);
    expect(report.findings.filter(({ colour }) => colour === 'grey').map(({ check }) => check)).toEqual([
      'teslamate.poll',
      'teslamate.stream',
    ]);
    const calls = Object.entries(world.api.calls.counts()).map(([name, count]) => [name, count - (before[name] ?? 0)]);
    const billed = calls.filter(([name, count]) => count !== 0 && !String(name).startsWith('token'));
    expect(Object.fromEntries(billed)).toEqual({
      public_key: 1,
      telemetry_errors: 1,
      products: 1,
      fleet_status: 1,
      get_config: 1,
    });
  });

  it.for(faults)('finds $name, and names the remedy', async (fault, { world }) => {
    const { check, problem, colour = 'red', ofVin, seed, repair } = fault;
    await seed(world);
    const report = await world.check();
    await repair(world);
    expect(report.findings).toContainEqual({
      check,
      colour,
      problem,
      remedy: remedies[problem]!.remedy.replaceAll('<domain>', domain),
      text: expect.any(String),
      ...(ofVin === undefined ? {} : { vin: ofVin }),
    });
    expect(report.colour).toBe(wrongIn(report).some((one) => one.colour === 'red') ? 'red' : 'yellow');
    const text = JSON.stringify(report);
    for (const secret of [application.clientSecret, 'Bearer', 'PRIVATE KEY', 'NA_', 'eyJ', '.ts:', '.js:'])
      expect(text).not.toContain(secret);
  });

  it('finds nothing wrong after all repairs', async ({ world }) => {
    await eventually(async () => expect(wrongIn(await world.check())).toEqual([]), 30_000);
  });
});

describe('one remedy instead of many failures', () => {
  it('without a sign-in, only the sign-in is red', async ({ world }) => {
    await world.tesla.account.signOut();
    const report = await world.check();
    await world.signIn();
    expect(wrongIn(report)).toMatchObject([
      { check: 'account.sign_in', problem: 'not_signed_in', remedy: 'Sign in with `fleetbridge setup`.' },
    ]);
    const vehicles = report.findings.filter(({ check }) => /vehicle\.(pairing|firmware|configuration)/.test(check));
    expect(vehicles.map(({ colour, text }) => [colour, text])).toEqual(
      Array(3).fill(['grey', 'needs the sign-in first']),
    );
  });

  it('with a key file of the encryption that is lost, only that is named', async ({ world }) => {
    const { directory } = world;
    renameSync(join(directory, 'encryption-key'), join(directory, 'lost'));
    const report = await world.check();
    renameSync(join(directory, 'lost'), join(directory, 'encryption-key'));
    expect(wrongIn(report).map(({ check, problem }) => [check, problem])).toEqual([
      ['application.access', 'encryption_key_missing'],
    ]);
  });

  it('without the application key, only that is named', async ({ world }) => {
    const report = await world.check({ keyFile: join(world.directory, 'missing.pem') });
    expect(wrongIn(report).map(({ check, problem }) => [check, problem])).toEqual([
      ['application.key', 'application_key_missing'],
    ]);
  });

  it('before the set-up, only the set-up is named', async ({ world, store }) => {
    const report = await world.check({ store, names: { domain: 'cars.example.com', telemetry: telemetryHost } });
    expect(wrongIn(report).map(({ check, problem }) => [check, problem])).toEqual([
      ['application.access', 'not_set_up'],
    ]);
    expect(report.colour).toBe('yellow');
  });

  it('without Redis, only Redis is red', async ({ world }) => {
    const report = await world.check({ store: undefined, storeProblem: 'connect ECONNREFUSED' });
    expect(wrongIn(report)).toMatchObject([{ check: 'redis.writes', problem: 'redis_not_reachable' }]);
  });

  it('a Tesla that does not answer in time is grey, and holds up nothing', async ({ world }) => {
    world.api.faults.add({ endpoint: '*', times: 20, play: { kind: 'hang' } });
    const report = await world.check({ limitMs: 300 });
    world.api.faults.clear();
    expect(wrongIn(report)).toEqual([]);
    expect(report.findings.find(({ check }) => check === 'application.access')).toMatchObject({ colour: 'grey' });
    expect(report.findings.find(({ check }) => check === 'certificate.chain')).toMatchObject({ colour: 'green' });
  });
});
