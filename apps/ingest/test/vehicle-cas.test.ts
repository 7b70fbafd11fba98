// Which CAs the server takes vehicles of, and that they can change under it.
import { execFile, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { createAuthority, ensureDevelopmentPki, extendedKeyUsages, issueCertificate } from '@fleetbridge/pki';
import { type DisposableRedis, eventually, startRedis } from '@fleetbridge/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createIngestProcesses } from './ingest-process.js';
import { createTestPki, OTHER_VIN, startTestIngest, type TestIngest, type TestPki, VIN } from './ingest-rig.js';

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
const copies = fileURLToPath(new URL('../../../../shared/tesla-ca/', import.meta.url));
const isHere = existsSync(copies);
if (!isHere) console.log("skipped: Tesla's bundles ../shared/tesla-ca are not here; the product does not carry them");

let redis: DisposableRedis;
let pki: TestPki;
let ingest: TestIngest | undefined;
const processes = createIngestProcesses(() => ({ redisUrl: redis.url, pki }));

beforeAll(async () => {
  redis = await startRedis();
  pki = createTestPki();
});
afterEach(async () => {
  processes.killAll();
  await ingest?.dispose();
  ingest = undefined;
});
afterAll(async () => {
  pki.dispose();
  await redis.stop();
});

describe('the vehicle CAs on disk', () => {
  it('are taken over when they change; who is connected stays, whoever signed its certificate', async () => {
    const other = createAuthority({ commonName: 'Tesla Issuing CA', days: 30 });
    const caFile = path.join(pki.dataDir, 'changing.pem');
    const own = pki.vehicleAuthority.certificatePem;
    writeFileSync(caFile, own);
    ingest = await startTestIngest({
      redisUrl: redis.url,
      pki,
      env: { INGEST_CA_FILE: caFile, ALLOWED_VINS: '*' },
      certificateLookMs: 10,
    });
    const old = await ingest.connect();
    await old.fence('before');
    const newcomer = vehicleOf(other, OTHER_VIN);
    await expect(ingest.connect({ vin: OTHER_VIN, certificate: newcomer })).rejects.toThrow();

    writeFileSync(caFile, own + other.certificatePem);
    await eventually(() => changes() === 1);
    await (await ingest.connect({ vin: OTHER_VIN, certificate: newcomer })).fence('new');

    writeFileSync(caFile, other.certificatePem);
    await eventually(() => changes() === 2);
    await expect(ingest.connect()).rejects.toThrow();
    await old.fence('after');
    expect(ingest.lines.filter(({ event }) => event === 'vehicle_disconnected')).toEqual([]);
  });

  it('and the server’s certificate change under load, and no connection is lost', async () => {
    const caFile = path.join(pki.dataDir, 'under-load.pem');
    const own = pki.vehicleAuthority.certificatePem;
    writeFileSync(caFile, own);
    const env = { INGEST_CA_FILE: caFile, ALLOWED_VINS: '*' };
    ingest = await startTestIngest({ redisUrl: redis.url, pki, env, certificateLookMs: 10 });
    const vehicles = [VIN, OTHER_VIN, '5YJ3E1EA7KF000003'].map((vin) => ingest!.simulate(vin));
    const load = setInterval(() => {
      for (const vehicle of vehicles) vehicle.send([{ key: 4, value: { doubleValue: 1 } }]);
    }, 1);
    for (let round = 1; round <= 5; round++) {
      const before = ingest.counts.stored;
      writeFileSync(caFile, own + createAuthority({ commonName: 'TeslaMotors', days: 30 }).certificatePem);
      ensureDevelopmentPki({ directory: pki.directory, hosts: [`round-${round}.example`], vins: [] });
      const renewals = () => ingest!.lines.filter(({ event }) => event === 'server_certificate_reloaded').length;
      await eventually(() => changes() === round && renewals() === round);
      await eventually(() => ingest!.counts.stored > before + 50);
    }
    clearInterval(load);
    for (const { ledger } of vehicles) expect(ledger.connections).toBe(1);
    for (const vehicle of vehicles) expect(await vehicle.finish()).toBe(0);
  });

  it('stay in use when the file is damaged or gone, and the log says so once', async () => {
    const caFile = path.join(pki.dataDir, 'damaged.pem');
    writeFileSync(caFile, pki.vehicleAuthority.certificatePem);
    ingest = await startTestIngest({
      redisUrl: redis.url,
      pki,
      env: { INGEST_CA_FILE: caFile, ALLOWED_VINS: '*' },
      certificateLookMs: 5,
    });
    writeFileSync(caFile, pki.vehicleAuthority.certificatePem.slice(0, 300));
    await eventually(() => troubles() === 1);
    rmSync(caFile);
    await eventually(() => troubles() === 2);
    await (await ingest.connect()).fence();
    writeFileSync(caFile, pki.vehicleAuthority.certificatePem);
    await (await ingest.connect()).fence();
    expect(changes()).toBe(0);
  });

  it('that end soon are warned of, and show in the metrics', async () => {
    const soon = createAuthority({ commonName: 'Tesla Issuing CA', days: 10 });
    const caFile = path.join(pki.dataDir, 'soon.pem');
    writeFileSync(caFile, pki.vehicleAuthority.certificatePem + soon.certificatePem);
    ingest = await startTestIngest({ redisUrl: redis.url, pki, env: { INGEST_CA_FILE: caFile, ALLOWED_VINS: '*' } });
    expect(ingest.lines.filter(({ event }) => event === 'certificate_expires_soon')).toEqual([
      expect.objectContaining({ certificate: 'CN=Tesla Issuing CA', days_left: expect.any(Number), level: 'warn' }),
    ]);
    const { text } = await ingest.admin('/metrics');
    const days = Number(/^fleetbridge_ingest_ca_days_left\{.*\} (\S+)$/m.exec(text)?.[1]);
    expect(days).toBeGreaterThan(8);
    expect(days).toBeLessThan(10);
    const own = Number(/^fleetbridge_ingest_certificate_days_left\{.*\} (\S+)$/m.exec(text)?.[1]);
    expect(own).toBeGreaterThan(390);
  });
});

describe('an extra CA file', () => {
  it('adds to the bundle, and does not replace it', async () => {
    const other = createAuthority({ commonName: 'Tesla Issuing CA', days: 30 });
    const extra = path.join(pki.dataDir, 'extra.pem');
    writeFileSync(extra, other.certificatePem);
    const env = { INGEST_EXTRA_CA_FILE: extra, ALLOWED_VINS: '*' };
    ingest = await startTestIngest({ redisUrl: redis.url, pki, env });
    await (await ingest.connect()).fence();
    await (await ingest.connect({ vin: OTHER_VIN, certificate: vehicleOf(other, OTHER_VIN) })).fence();
  });
});

describe.skipIf(!isHere)("Tesla's CAs", () => {
  it.skipIf(!hasOpenssl)('are offered to the vehicle, exactly these', async () => {
    copyFileSync(path.join(copies, 'prod_ca.crt'), path.join(pki.directory, 'tesla-ca.pem'));
    ingest = await startTestIngest({
      redisUrl: redis.url,
      pki,
      env: { INGEST_CA_BUNDLE: 'production', ALLOWED_VINS: '*' },
    });
    const names = await offeredNames(ingest.ports.vehicles);
    expect(names).toHaveLength(14);
    expect(names.every((name) => /Tesla/.test(name))).toBe(true);
    // A vehicle of the development CA finds its own not among them.
    await expect(ingest.connect()).rejects.toThrow();
    expect(ingest.lines.filter(({ event }) => event === 'vehicle_ca_expired')).toHaveLength(1);
  });

  it('leave out one that is put beside them, with a warning that says how to accept it', async () => {
    const stranger = createAuthority({ commonName: 'TeslaMotors', days: 30 });
    copyFileSync(path.join(copies, 'eng_ca.crt'), path.join(pki.directory, 'tesla-eng-ca.pem'));
    writeFileSync(path.join(pki.directory, 'tesla-eng-ca.pem'), stranger.certificatePem, { flag: 'a' });
    const env = { INGEST_CA_BUNDLE: 'engineering', ALLOWED_VINS: '*' };
    ingest = await startTestIngest({ redisUrl: redis.url, pki, env });
    const warning = ingest.lines.find(({ event }) => event === 'vehicle_ca_unknown');
    expect(warning).toMatchObject({ subject: 'CN=TeslaMotors', fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/) });
    await expect(ingest.connect({ certificate: vehicleOf(stranger, VIN) })).rejects.toThrow();
    await ingest.dispose();
    ingest = await startTestIngest({
      redisUrl: redis.url,
      pki,
      env: { ...env, CA_ACCEPT: String(warning!.fingerprint) },
    });
    await (await ingest.connect({ certificate: vehicleOf(stranger, VIN) })).fence();
  });
});

describe("a start with Tesla's CAs and none on disk", () => {
  it('says how to get them, and exits with 2', async () => {
    const dataDir = copyOfDataDir();
    const ingest = processes.start({ INGEST_CA_BUNDLE: 'production', ALLOWED_VINS: '*', DATA_DIR: dataDir });
    expect(await ingest.exited).toBe(2);
    expect(ingest.stderr()).toMatch(/INGEST_CA_BUNDLE: can't read .*tesla-ca\.pem \(ENOENT\); .*fleetbridge ca fetch/);
    rmSync(dataDir, { recursive: true });
  });

  it('and TESLA_CA_FETCH=on that can not fetch them says what to do by hand, and exits with 1', async () => {
    const dataDir = copyOfDataDir();
    const ingest = processes.start({
      INGEST_CA_BUNDLE: 'production',
      TESLA_CA_FETCH: 'on',
      ALLOWED_VINS: '*',
      DATA_DIR: dataDir,
      // The world is one CA that nobody has a certificate of: whatever answers is not believed.
      NODE_OPTIONS: '--use-openssl-ca',
      SSL_CERT_FILE: path.join(pki.directory, 'server-ca.pem'),
    });
    expect(await ingest.exited).toBe(1);
    expect(ingest.stderr()).toMatch(/can't fetch https:.*prod_ca\.crt[\s\S]*fleetbridge ca fetch --from <the file>/);
    rmSync(dataDir, { recursive: true });
  });
});

/** With a certificate for the server, and no CA of any vehicle. */
function copyOfDataDir(): string {
  const dataDir = mkdtempSync(path.join(pki.dataDir, 'other-'));
  mkdirSync(path.join(dataDir, 'pki'));
  for (const name of ['server.pem', 'server.key']) {
    copyFileSync(path.join(pki.directory, name), path.join(dataDir, 'pki', name));
  }
  return dataDir;
}

function changes(): number {
  return ingest!.lines.filter(({ event }) => event === 'vehicle_cas_reloaded').length;
}

function troubles(): number {
  return ingest!.lines.filter(({ event }) => event === 'vehicle_cas_reload_failed').length;
}

function vehicleOf(authority: ReturnType<typeof createAuthority>, vin: string) {
  const extendedKeyUsage = [extendedKeyUsages.clientAuth];
  return issueCertificate({ authority, subject: { commonName: vin }, extendedKeyUsage, days: 30 });
}

/** The names in the CertificateRequest, as openssl writes them. */
function offeredNames(port: number): Promise<string[]> {
  return new Promise((resolve) => {
    const child = execFile('openssl', ['s_client', '-connect', `127.0.0.1:${port}`], (_, stdout) => {
      const list = /Acceptable client certificate CA names\n([\s\S]*?)\n(?:Requested|Client|Shared|Peer)/.exec(stdout);
      resolve(list?.[1]?.split('\n') ?? []);
    });
    child.stdin?.end();
  });
}
