// Each step of the set-up against the stand-in of Tesla: what it does once, what it reports, and what it never does.
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AdmissionStore, ConfigurationStore, SeedStore } from '@fleetbridge/store';
import { applicationKeyFile } from '@fleetbridge/tesla-account';
import { describe, expect } from 'vitest';
import { PUBLIC_KEY_PATH, readVehicleConfiguration } from '../src/index.js';
import { CLIENT, DOMAIN, it, OTHER, type SetupRig, TELEMETRY_HOST, VIN } from './rig.js';

const servedAt = `https://${DOMAIN}${PUBLIC_KEY_PATH}`;

describe('the whole way', () => {
  it('leads to the vehicle, and does nothing twice', async ({ rig, store }) => {
    const ended = await rig.complete();
    expect(ended.map(({ step, state }) => `${step} ${state}`)).toEqual([
      'domain done',
      'application_key done',
      'public_key done',
      'application done',
      'registration done',
      'sign_in done',
      'region done',
      'vehicles done',
      'pairing done',
      'configuration done',
      'sync done',
      // its server is the stand-in, which takes no telemetry
      'first_record needed',
    ]);
    expect([...(await new AdmissionStore(store).read()).verdicts]).toEqual([[VIN, 'allow']]);
    const { config } = rig.api.vehicle(VIN);
    expect(config).toMatchObject({ hostname: TELEMETRY_HOST, port: Number(new URL(rig.api.url).port) });
    expect(config!.ca).toBe(readFileSync(rig.caFile, 'utf8'));
    const kept = await readVehicleConfiguration(new ConfigurationStore(store), VIN);
    expect(kept.wanted).toMatchObject({ source: { kind: 'profile', profile: 'teslamate' }, hostname: TELEMETRY_HOST });
    expect(kept.sent!.configuration).toEqual(expect.objectContaining({ fields: config!.fields }));
    expect(rig.shown.join('\n')).toMatch(/signals per hour awake;\n.*month .* costs US\$/);

    const before = rig.api.calls.counts();
    const key = readFileSync(applicationKeyFile(join(rig.dataDirectory, 'tesla')), 'utf8');
    expect((await rig.run()).at(-1)).toMatchObject({ step: 'first_record', state: 'needed' });
    expect(readFileSync(applicationKeyFile(join(rig.dataDirectory, 'tesla')), 'utf8')).toBe(key);
    const after = rig.api.calls.counts();
    for (const once of ['register', 'create_config', 'authorize']) expect(after[once], once).toEqual(before[once]);
  });

  it('changes nothing with --check, and needs the first step that is missing', async ({ rig, redis, store }) => {
    const ended = await rig.run({}, { isCheckOnly: true });
    expect(ended.at(-1)).toMatchObject({ step: 'application_key', state: 'needed' });
    expect(await redis.keys(`${store.namespace}:*`)).toEqual([]);
  });

  it('follows the account to its region, and registers there too', async ({ rig }) => {
    await rig.api.changeAccount({ region: 'eu' });
    expect((await rig.complete()).at(-1)).toMatchObject({ step: 'first_record' });
    expect(rig.tesla.fleet.apiUrl).toBe(rig.api.urls.eu);
  });

  it('asks Tesla to allow commands only if they are wanted, and signs in again for them', async ({ rig }) => {
    const allowed = async () => {
      const state = await rig.tesla.account.state();
      return state.kind === 'signed_out' ? [] : state.scopes!.filter((scope) => scope.endsWith('_cmds'));
    };
    await rig.complete();
    expect(await allowed()).toEqual([]);
    await rig.complete({ hasCommands: true });
    expect(await allowed()).toEqual(['vehicle_cmds', 'vehicle_charging_cmds']);
    // without the option they stay allowed
    expect((await rig.run()).find(({ step }) => step === 'sign_in')).toMatchObject({ state: 'done' });
    const dialogue = { isInteractive: true, confirm: () => Promise.resolve(true) };
    await rig.tesla.account.signOut();
    await rig.run({}, { dialogue });
    expect(rig.shown.find((line) => line.startsWith('https://'))).toContain('vehicle_charging_cmds');
  });

  it('signs in again on demand, and only then', async ({ rig }) => {
    await rig.complete();
    const [opened] = (await rig.run({ isSignInAgain: true })).slice(-1);
    expect(opened).toMatchObject({ step: 'sign_in', state: 'needed', text: 'the sign-in is open' });
    expect((await rig.run()).at(-1)).toMatchObject({ step: 'first_record' });
    const tokens = [await rig.tesla.account.accessToken()];
    const redirectUrl = await rig.browse(/https:\S+/.exec((opened as { remedy: string }).remedy)![0]);
    const state = new URL(redirectUrl).searchParams.get('state');
    for (const [query, problem] of [
      [`error=access_denied&state=${state}`, 'sign_in_refused'],
      ['code=c&state=other', 'other_sign_in'],
      ['', 'address_not_valid'],
    ]) {
      const wrong = { isSignInAgain: true, redirectUrl: `http://localhost:3000/callback?${query}` };
      expect((await rig.run(wrong)).at(-1)).toMatchObject({ step: 'sign_in', state: 'failed', problem });
    }
    // the address belongs to the open sign-in, with or without the option
    for (let times = 1; times <= 2; times += 1) {
      expect((await rig.run({ redirectUrl })).at(-1)).toMatchObject({ step: 'first_record' });
      tokens.push(await rig.tesla.account.accessToken());
    }
    expect(new Set(tokens).size).toBe(2);
    expect(tokens[1]).toBe(tokens[2]);
  });

  it('reports commands that the owner did not allow', async ({ rig }) => {
    const grantedScopes = ['openid', 'offline_access', 'vehicle_device_data', 'vehicle_location'];
    await rig.api.changeAccount({ grantedScopes });
    expect((await rig.complete({ hasCommands: true })).at(-1)).toMatchObject({
      step: 'sign_in',
      problem: 'scope_missing',
      text: 'the owner did not allow vehicle_cmds or vehicle_charging_cmds',
    });
  });

  it('takes the seed of an awake vehicle, and continues without that of a sleeping one', async ({
    rig,
    store,
    redis,
  }) => {
    await rig.complete();
    await redis.hset(store.keysOf(VIN).snapshotPrefix + VIN, 'Soc', '50');
    rig.api.changeVehicle(VIN, { isAwake: false });
    expect((await rig.run()).at(-1)).toMatchObject({ step: 'seed', state: 'warning' });
    rig.api.changeVehicle(VIN, { isAwake: true });
    expect((await rig.run()).at(-1)).toMatchObject({ step: 'seed', state: 'done' });
    expect((await new SeedStore(store).read(VIN)).document).toContain('"plg":true');
  });
});

describe('the application key', () => {
  it('is made once, readable by its user only', async ({ rig }) => {
    await rig.run();
    const file = applicationKeyFile(join(rig.dataDirectory, 'tesla'));
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(join(rig.dataDirectory, 'tesla')).mode & 0o777).toBe(0o700);
  });

  it('is asked for when the domain serves one, so that paired vehicles stay paired', async ({ rig }) => {
    const { publicPem, forms } = anotherKey();
    rig.pages.set(servedAt, publicPem);
    expect((await rig.run()).at(-1)).toMatchObject({
      step: 'application_key',
      state: 'needed',
      remedy: expect.stringContaining('--key-file'),
    });
    const file = join(rig.dataDirectory, 'given.pem');
    // as openssl ecparam -genkey writes it
    writeFileSync(file, `-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n${forms.sec1}`);
    const ended = await rig.run({ keyFile: file });
    expect(ended.find(({ step }) => step === 'application_key')).toMatchObject({ state: 'done' });
    expect(ended.find(({ step }) => step === 'public_key')).toMatchObject({ state: 'done' });
  });

  it('is made although one is served, only if the owner wants that', async ({ rig }) => {
    rig.pages.set(servedAt, anotherKey().publicPem);
    expect((await rig.run({ isNewKey: true })).at(-1)).toMatchObject({
      step: 'public_key',
      state: 'failed',
      problem: 'other_key_served',
    });
    expect(rig.shown.join('\n')).toContain('every vehicle must be paired again');
  });

  it('does not replace the one that Tesla knows', async ({ rig, store }) => {
    await rig.complete();
    const lost = { ...rig, dataDirectory: join(rig.dataDirectory, 'new') };
    // another installation, whose domain can not be reached from inside
    const ended = await rig.run({ dataDirectory: lost.dataDirectory }, {}).catch((error: unknown) => [error]);
    expect(ended.at(-1)).toMatchObject({ state: 'needed', step: 'application_key' });
    rig.pages.set(servedAt, 'a page');
    const other = await rig.run({ dataDirectory: lost.dataDirectory });
    expect(other.at(-1)).toMatchObject({ step: 'registration', problem: 'other_key_registered' });
    expect(rig.api.vehicle(VIN).isPaired).toBe(true);
    expect(store.partitions).toBe(1);
  });

  it('of another curve is refused', async ({ rig }) => {
    const file = join(rig.dataDirectory, 'p384.pem');
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
    writeFileSync(file, privateKey.export({ type: 'pkcs8', format: 'pem' }));
    expect((await rig.run({ keyFile: file })).at(-1)).toMatchObject({ problem: 'application_key_not_valid' });
    expect((await rig.run({ keyFile: '/no/such/file' })).at(-1)).toMatchObject({
      problem: 'application_key_not_valid',
    });
  });
});

describe('secrets that can not be decrypted', () => {
  it.for(['missing', 'another'])('with %s encryption key are given again', async (which, { rig, store }) => {
    await rig.complete();
    const file = join(rig.dataDirectory, 'tesla', 'encryption-key');
    const application = readFileSync(applicationKeyFile(join(rig.dataDirectory, 'tesla')), 'utf8');
    rmSync(file);
    if (which === 'another') writeFileSync(file, `${'0'.repeat(64)}\n`, { mode: 0o600 });
    const check = (await rig.run({}, { isCheckOnly: true })).at(-1);
    expect(check).toMatchObject({ step: 'application', remedy: expect.stringContaining('Restore') });
    const without = await rig.run({ clientSecret: undefined });
    expect(without.at(-1)).toMatchObject({ step: 'application', state: 'needed' });
    expect((await rig.run()).at(-1)).toMatchObject({ step: 'sign_in', state: 'needed' });
    expect((await rig.complete()).at(-1)).toMatchObject({ step: 'first_record' });
    // the vehicles stay paired
    expect(readFileSync(applicationKeyFile(join(rig.dataDirectory, 'tesla')), 'utf8')).toBe(application);
    expect((await readVehicleConfiguration(new ConfigurationStore(store), VIN)).sent).toBeDefined();
  });
});

describe('what is wrong is named with its remedy', () => {
  const waits = 'needed';
  it.for<
    [
      name: string,
      step: string,
      problem: string,
      play: (rig: SetupRig) => unknown,
      run?: Parameters<SetupRig['run']>[0],
    ]
  >([
    ['a text that is no domain', 'domain', 'domain_not_valid', () => {}, { domain: 'https://cars.example.com' }],
    ['a telemetry host of another root', 'domain', 'domain_mismatch', () => {}, { telemetryHost: 'cars.example.org' }],
    [
      'a domain that Tesla does not accept',
      'registration',
      'domain_not_valid',
      () => {},
      { domain: 'cars.example.org', telemetryHost: undefined },
    ],
    ['a wrong secret', 'registration', 'unauthorized_client', () => {}, { clientSecret: 'wrong-secret' }],
    [
      'a key that Tesla can not fetch',
      'registration',
      'public_key_download_failed',
      ({ api }) =>
        api.faults.add({
          endpoint: 'register',
          play: { kind: 'answer', status: 424, error: 'Public key download failed' },
        }),
    ],
    [
      'a sign-in of another state',
      'sign_in',
      'other_sign_in',
      () => {},
      { redirectUrl: 'http://localhost:3000/callback?code=x&state=other' },
    ],
    [
      'a sign-in that was refused',
      'sign_in',
      'sign_in_refused',
      () => {},
      { redirectUrl: 'http://localhost:3000/callback?error=access_denied&state=state-of-the-test' },
    ],
    [
      'an address without a code',
      'sign_in',
      'address_not_valid',
      () => {},
      { redirectUrl: 'http://localhost:3000/callback' },
    ],
    [
      'a code that was used',
      'sign_in',
      'code_rejected',
      () => {},
      { redirectUrl: 'http://localhost:3000/callback?code=x&state=state-of-the-test' },
    ],
  ])('%s', async ([, step, problem, play, options], { rig }) => {
    await play(rig);
    const last = (await rig.run(options)).at(-1)!;
    expect(last).toMatchObject({ step, state: 'failed', problem });
    expect((last as { remedy: string }).remedy.length).toBeGreaterThan(20);
    expect(JSON.stringify(last)).not.toContain(CLIENT.clientSecret);
  });

  it.for<
    [
      name: string,
      step: string,
      problem: string,
      play: (rig: SetupRig) => unknown,
      run?: Parameters<SetupRig['run']>[0],
    ]
  >([
    [
      'a scope that the owner did not allow',
      'sign_in',
      'scope_missing',
      ({ api }) => api.changeAccount({ grantedScopes: ['openid', 'offline_access', 'vehicle_device_data'] }),
    ],
    ['a VIN of another account', 'vehicles', 'vehicle_not_found', () => {}, { vins: [OTHER] }],
    [
      'an account that is disabled',
      'registration',
      'billing_limit',
      ({ api }) => api.changeAccount({ isDisabled: true }),
    ],
    [
      'a vehicle that is not paired',
      'pairing',
      waits,
      ({ api }) =>
        api.faults.add({
          endpoint: 'fleet_status',
          times: 9,
          play: {
            kind: 'answer',
            status: 200,
            body: JSON.stringify({ response: { key_paired_vins: [], unpaired_vins: [VIN], vehicle_info: {} } }),
          },
        }),
    ],
    [
      'a computer that is too old',
      'configuration',
      'unsupported_hardware',
      ({ api }) => api.changeVehicle(VIN, { isHardwareSupported: false }),
    ],
    [
      'a firmware that is too old',
      'configuration',
      'unsupported_firmware',
      ({ api }) => api.changeVehicle(VIN, { firmware: '2024.8.9' }),
    ],
    [
      'three other applications',
      'configuration',
      'max_configs',
      ({ api }) => api.changeVehicle(VIN, { otherConfigs: 3 }),
    ],
    [
      'a limit that is reached',
      'configuration',
      'limit_reached',
      ({ api }) => api.changeAccount({ isLimitReached: true }),
    ],
    [
      'a host of another account',
      'configuration',
      'domain_mismatch',
      ({ api }) =>
        api.faults.add({
          endpoint: 'create_config',
          play: { kind: 'answer', status: 400, error: 'hostname domain does not match with partner account' },
        }),
    ],
    [
      'a server that does not answer',
      'configuration',
      'server_not_reachable',
      () => {},
      { servers: [{ host: '127.0.0.1', port: 1 }] },
    ],
    [
      'a configuration that the vehicle refuses',
      'sync',
      'config_manager_error',
      ({ api }) => api.changeVehicle(VIN, { refusesConfig: true }),
    ],
    ['a vehicle that sleeps', 'sync', waits, ({ api }) => api.changeVehicle(VIN, { isAwake: false })],
    ['an expired sign-in', 'region', 'login_required', ({ api, tesla }) => expire(api, tesla)],
  ])('%s', async ([, step, problem, play, options], { rig }) => {
    const opened = (await rig.run(options)).at(-1)!;
    const redirectUrl = await rig.browse(/https:\S+/.exec((opened as { remedy: string }).remedy)![0]);
    rig.api.pair(DOMAIN);
    if (problem === 'login_required') await rig.run({ redirectUrl });
    await play(rig);
    const again =
      problem === 'scope_missing'
        ? await rig.browse(/https:\S+/.exec((opened as { remedy: string }).remedy)![0])
        : redirectUrl;
    const last = (await rig.run({ ...options, redirectUrl: again })).at(-1)!;
    expect(last).toMatchObject(problem === waits ? { step, state: waits } : { step, state: 'failed', problem });
    expect((last as { remedy: string }).remedy.length).toBeGreaterThan(20);
  });
});

async function expire(api: SetupRig['api'], tesla: SetupRig['tesla']): Promise<void> {
  api.revokeSignIn();
  await tesla.account.signIn({ accessToken: 'expired', refreshToken: 'revoked', expiresInSeconds: 1 }, CLIENT);
}

function anotherKey() {
  // exported in another form than JWK
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    publicPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    forms: { sec1: privateKey.export({ type: 'sec1', format: 'pem' }).toString() },
  };
}
