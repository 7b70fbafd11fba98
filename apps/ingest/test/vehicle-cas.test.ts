// The vehicle CAs: which are used, and how they are reloaded while ingest runs.
import { execFile, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { createAuthority, ensureDevelopmentPki, extendedKeyUsages, issueCertificate } from '@fleetbridge/pki';
import { eventually, freePort } from '@fleetbridge/testing';
import { describe, expect } from 'vitest';
import { OTHER_VIN, type TestIngest, type TestPki, VIN } from './ingest-rig.js';
import { it } from './ingest-test.js';

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
const copies = fileURLToPath(new URL('../../../../shared/tesla-ca/', import.meta.url));
const isHere = existsSync(copies);
if (!isHere)
  console.log("skipped: Tesla's CA bundles are not part of the repository and were not found in ../shared/tesla-ca");

let ingest: TestIngest;

describe('the vehicle CAs on disk', () => {
  it('are reloaded when they change, and connected vehicles stay connected', async ({ pki, startIngest }) => {
    const other = createAuthority({ commonName: 'Tesla Issuing CA', days: 30 });
    const caFile = path.join(pki.dataDir, 'changing.pem');
    const own = pki.vehicleAuthority.certificatePem;
    writeFileSync(caFile, own);
    ingest = await startIngest({ env: { INGEST_CA_FILE: caFile, ALLOWED_VINS: '*' }, certificatePollMs: 10 });
    const old = await ingest.connect();
    await old.fence('before');
    const newVehicle = vehicleOf(other, OTHER_VIN);
    await expect(ingest.connect({ vin: OTHER_VIN, certificate: newVehicle })).rejects.toThrow();

    writeFileSync(caFile, own + other.certificatePem);
    await eventually(() => changes() === 1);
    await (await ingest.connect({ vin: OTHER_VIN, certificate: newVehicle })).fence('new');

    writeFileSync(caFile, other.certificatePem);
    await eventually(() => changes() === 2);
    await expect(ingest.connect()).rejects.toThrow();
    await old.fence('after');
    expect(ingest.lines.filter(({ event }) => event === 'vehicle_disconnected')).toEqual([]);
  });

  it('and the server certificate change under load, and no connection is lost', async ({ pki, startIngest }) => {
    const caFile = path.join(pki.dataDir, 'under-load.pem');
    const own = pki.vehicleAuthority.certificatePem;
    writeFileSync(caFile, own);
    const env = { INGEST_CA_FILE: caFile, ALLOWED_VINS: '*' };
    ingest = await startIngest({ env, certificatePollMs: 10 });
    const vehicles = [VIN, OTHER_VIN, '5YJ3E1EA7KF000003'].map((vin) => ingest.simulate(vin));
    const load = setInterval(() => {
      for (const vehicle of vehicles) vehicle.send([{ key: 4, value: { doubleValue: 1 } }]);
    }, 1);
    for (let round = 1; round <= 5; round++) {
      const before = ingest.counts.stored;
      writeFileSync(caFile, own + createAuthority({ commonName: 'TeslaMotors', days: 30 }).certificatePem);
      ensureDevelopmentPki({ directory: pki.directory, hosts: [`round-${round}.example`], vins: [] });
      const renewals = () => ingest.lines.filter(({ event }) => event === 'server_certificate_reloaded').length;
      await eventually(() => changes() === round && renewals() === round);
      await eventually(() => ingest.counts.stored > before + 50);
    }
    clearInterval(load);
    for (const { ledger } of vehicles) expect(ledger.connections).toBe(1);
    for (const vehicle of vehicles) expect(await vehicle.finish()).toBe(0);
  });

  it('stay in use when the file is damaged or missing, which is logged once', async ({ pki, startIngest }) => {
    const caFile = path.join(pki.dataDir, 'damaged.pem');
    writeFileSync(caFile, pki.vehicleAuthority.certificatePem);
    ingest = await startIngest({ env: { INGEST_CA_FILE: caFile, ALLOWED_VINS: '*' }, certificatePollMs: 5 });
    writeFileSync(caFile, pki.vehicleAuthority.certificatePem.slice(0, 300));
    await eventually(() => failures() === 1);
    rmSync(caFile);
    await eventually(() => failures() === 2);
    await (await ingest.connect()).fence();
    writeFileSync(caFile, pki.vehicleAuthority.certificatePem);
    await (await ingest.connect()).fence();
    expect(changes()).toBe(0);
  });

  it('that expire soon are logged as warnings and shown in the metrics', async ({ pki, startIngest }) => {
    const soon = createAuthority({ commonName: 'Tesla Issuing CA', days: 10 });
    const caFile = path.join(pki.dataDir, 'soon.pem');
    writeFileSync(caFile, pki.vehicleAuthority.certificatePem + soon.certificatePem);
    ingest = await startIngest({ env: { INGEST_CA_FILE: caFile, ALLOWED_VINS: '*' } });
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

it.for([
  [6, 6],
  [45, 20],
])('a server certificate of %d days with %d left is not warned of', async ([days, left], { pki, startIngest }) => {
  const { certificatePem, keyPem } = issueCertificate({
    authority: createAuthority({ commonName: 'short-lived', days: 100 }),
    subject: { commonName: 'server' },
    hosts: ['127.0.0.1'],
    extendedKeyUsage: [extendedKeyUsages.serverAuth],
    days: days!,
    // its validity begins a day before
    now: new Date(Date.now() - (days! - left! - 1) * 86_400_000 + 60_000),
  });
  const files = {
    INGEST_CERT_FILE: path.join(pki.dataDir, 'short.pem'),
    INGEST_KEY_FILE: path.join(pki.dataDir, 'short.key'),
  };
  writeFileSync(files.INGEST_CERT_FILE, certificatePem);
  writeFileSync(files.INGEST_KEY_FILE, keyPem);
  ingest = await startIngest({ env: files });
  expect(ingest.lines.filter(({ event }) => event === 'certificate_expires_soon')).toEqual([]);
  const { text } = await ingest.admin('/metrics');
  const metric = (name: string) => Number(new RegExp(`^${name}\\{.*\\} (\\S+)$`, 'm').exec(text)?.[1]);
  expect(metric('fleetbridge_ingest_certificate_days_left')).toBeGreaterThan(
    metric('fleetbridge_ingest_certificate_renewal_days'),
  );
  expect(metric('fleetbridge_ingest_certificate_renewal_days')).toBeCloseTo(days === 6 ? 3 : 15, 5);
  expect((await ingest.admin('/')).text).toMatch(
    /<li class="done">\s*<span[^>]*>✓<\/span>\s*<div><h3>Server certificate/,
  );
});

describe('an extra CA file', () => {
  it('extends the bundle and does not replace it', async ({ pki, startIngest }) => {
    const other = createAuthority({ commonName: 'Tesla Issuing CA', days: 30 });
    const extra = path.join(pki.dataDir, 'extra.pem');
    writeFileSync(extra, other.certificatePem);
    const env = { INGEST_EXTRA_CA_FILE: extra, ALLOWED_VINS: '*' };
    ingest = await startIngest({ env });
    await (await ingest.connect()).fence();
    await (await ingest.connect({ vin: OTHER_VIN, certificate: vehicleOf(other, OTHER_VIN) })).fence();
  });
});

describe.skipIf(!isHere)("Tesla's CAs", () => {
  it.skipIf(!hasOpenssl)('are the only ones offered to the vehicle', async ({ pki, startIngest }) => {
    copyFileSync(path.join(copies, 'prod_ca.crt'), path.join(pki.directory, 'tesla-ca.pem'));
    ingest = await startIngest({ env: { INGEST_CA_BUNDLE: 'production', ALLOWED_VINS: '*' } });
    const names = await offeredNames(ingest.ports.vehicles);
    expect(names).toHaveLength(14);
    expect(names.every((name) => /Tesla/.test(name))).toBe(true);
    // the CA of a development vehicle is not among them
    await expect(ingest.connect()).rejects.toThrow();
    expect(ingest.lines.filter(({ event }) => event === 'vehicle_ca_expired')).toHaveLength(1);
  });

  it('do not include an unknown CA in the same file, and a warning names the setting that accepts it', async ({
    pki,
    startIngest,
  }) => {
    const unknown = createAuthority({ commonName: 'TeslaMotors', days: 30 });
    copyFileSync(path.join(copies, 'eng_ca.crt'), path.join(pki.directory, 'tesla-eng-ca.pem'));
    writeFileSync(path.join(pki.directory, 'tesla-eng-ca.pem'), unknown.certificatePem, { flag: 'a' });
    const env = { INGEST_CA_BUNDLE: 'engineering', ALLOWED_VINS: '*' };
    ingest = await startIngest({ env });
    const warning = ingest.lines.find(({ event }) => event === 'vehicle_ca_unknown');
    expect(warning).toMatchObject({ subject: 'CN=TeslaMotors', fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/) });
    await expect(ingest.connect({ certificate: vehicleOf(unknown, VIN) })).rejects.toThrow();
    await ingest.dispose();
    ingest = await startIngest({ env: { ...env, CA_ACCEPT: String(warning!.fingerprint) } });
    await (await ingest.connect({ certificate: vehicleOf(unknown, VIN) })).fence();
  });
});

describe.each(['1', '2'])("a start with Tesla's CAs configured, no file on disk and %s worker(s)", (workers) => {
  it('stays up, reports how to get them in log and page, and accepts vehicles when they are there', async ({
    pki,
    processes,
  }) => {
    const dataDir = copyOfDataDir(pki);
    const admin = await freePort();
    const ingest = processes.start({
      INGEST_CA_BUNDLE: 'production',
      ALLOWED_VINS: '*',
      DATA_DIR: dataDir,
      INGEST_WORKERS: workers,
      INGEST_ADMIN_PORT: String(admin),
    });
    const page = async (route: string) => (await fetch(`http://127.0.0.1:${admin}${route}`)).text();
    await eventually(async () => (await page('/readyz')).includes('"vehicle_cas":{"ready":false,"reason":"missing"}'));
    const html = await page('/');
    expect(html).toContain('<h2>Next step: Vehicle CAs</h2>');
    expect(html).toContain('ca fetch</code>');
    expect(ingest.lines()).toContainEqual(
      expect.objectContaining({
        event: 'vehicle_cas_awaited',
        remedy: expect.stringContaining('fleetbridge ca fetch'),
      }),
    );
    if (isHere) {
      copyFileSync(path.join(copies, 'prod_ca.crt'), path.join(dataDir, 'pki', 'tesla-ca.pem'));
      await ingest.ready;
      expect(JSON.parse(await page('/readyz')).ready).toBe(true);
    }
    processes.killAll();
    await ingest.exited;
    rmSync(dataDir, { recursive: true });
  });
});

it('a failing TESLA_CA_FETCH=on reports the manual steps, and the process stays up', async ({ pki, processes }) => {
  const dataDir = copyOfDataDir(pki);
  const admin = await freePort();
  const ingest = processes.start({
    INGEST_CA_BUNDLE: 'production',
    TESLA_CA_FETCH: 'on',
    ALLOWED_VINS: '*',
    DATA_DIR: dataDir,
    INGEST_ADMIN_PORT: String(admin),
    // trust a single CA that no public server uses, so that every download fails
    NODE_OPTIONS: '--use-openssl-ca',
    SSL_CERT_FILE: path.join(pki.directory, 'server-ca.pem'),
  });
  await eventually(async () => (await fetch(`http://127.0.0.1:${admin}/readyz`)).status === 503);
  const line = ingest.lines().find(({ event }) => event === 'tesla_cas_fetch_failed');
  expect(line?.reason).toMatch(/can't fetch https:.*prod_ca\.crt/);
  expect(line?.remedy).toContain('fleetbridge ca fetch --from <the file>');
  processes.killAll();
  await ingest.exited;
  rmSync(dataDir, { recursive: true });
});

/** A DATA_DIR with a server certificate and without vehicle CAs. */
function copyOfDataDir(pki: TestPki): string {
  const dataDir = mkdtempSync(path.join(pki.dataDir, 'other-'));
  mkdirSync(path.join(dataDir, 'pki'));
  for (const name of ['server.pem', 'server.key']) {
    copyFileSync(path.join(pki.directory, name), path.join(dataDir, 'pki', name));
  }
  return dataDir;
}

function changes(): number {
  return ingest.lines.filter(({ event }) => event === 'vehicle_cas_reloaded').length;
}

function failures(): number {
  return ingest.lines.filter(({ event }) => event === 'vehicle_cas_reload_failed').length;
}

function vehicleOf(authority: ReturnType<typeof createAuthority>, vin: string) {
  const extendedKeyUsage = [extendedKeyUsages.clientAuth];
  return issueCertificate({ authority, subject: { commonName: vin }, extendedKeyUsage, days: 30 });
}

/** The names in the CertificateRequest as openssl prints them. */
function offeredNames(port: number): Promise<string[]> {
  return new Promise((resolve) => {
    const child = execFile('openssl', ['s_client', '-connect', `127.0.0.1:${port}`], (_, stdout) => {
      const list = /Acceptable client certificate CA names\n([\s\S]*?)\n(?:Requested|Client|Shared|Peer)/.exec(stdout);
      resolve(list?.[1]?.split('\n') ?? []);
    });
    child.stdin?.end();
  });
}
