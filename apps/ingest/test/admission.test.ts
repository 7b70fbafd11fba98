// Who may connect: certificates good and bad through a real handshake, and what the refused ones are told.
import { execFile, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { get } from 'node:https';
import path from 'node:path';
import { type ConnectionOptions, connect } from 'node:tls';
import { createAuthority, extendedKeyUsages, issueCertificate } from '@fleetbridge/pki';
import { ConnectivityEvent, decodeMessage } from '@fleetbridge/protocol';
import { VehicleConnectError } from '@fleetbridge/simulator';
import { type DisposableRedis, eventually, startRedis } from '@fleetbridge/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  createTestPki,
  noCertificate,
  OTHER_VIN,
  startTestIngest,
  type TestIngest,
  type TestPki,
  type VehicleCertificate,
  VIN,
} from './ingest-rig.js';

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
let redis: DisposableRedis;
let pki: TestPki;
let ingest: TestIngest;

beforeAll(async () => {
  redis = await startRedis();
  pki = createTestPki();
});
afterEach(() => ingest.dispose());
afterAll(async () => {
  pki.dispose();
  await redis.stop();
});

describe('a client with a good certificate', () => {
  it('gets "mtls ok" from /status, and a hint from any other page', async () => {
    ingest = await startTestIngest({ redisUrl: redis.url, pki });
    expect(await httpsGet('/status')).toEqual({ status: 200, text: 'mtls ok' });
    expect(await httpsGet('/')).toMatchObject({ status: 426, text: expect.stringContaining('WebSocket') });
  });

  it('is a vehicle on any path', async () => {
    ingest = await startTestIngest({ redisUrl: redis.url, pki });
    const vehicle = await ingest.connect({ path: 'some/where?x=1' });
    await vehicle.fence();
  });

  it('is told exactly the names of the vehicle CAs', { skip: !hasOpenssl }, async () => {
    ingest = await startTestIngest({ redisUrl: redis.url, pki });
    const text = await opensslSClient();
    const names = /Acceptable client certificate CA names\n([\s\S]*?)\n(?:Requested|Client|Shared|Peer)/.exec(
      text,
    )?.[1];
    expect(names?.split('\n')).toEqual(['CN = TeslaMotors']);
  });

  it('whose VIN is not among ALLOWED_VINS is refused before the upgrade, and counted', async () => {
    ingest = await startTestIngest({ redisUrl: redis.url, pki, env: { ALLOWED_VINS: OTHER_VIN.toLowerCase() } });
    await (await ingest.connect({ vin: OTHER_VIN })).fence();
    expect((await refused(ingest.connect({ vin: VIN }))).statusCode).toBe(403);
    expect(await httpsGet('/status')).toEqual({ status: 403, text: 'vin_not_admitted\n' });
    expect(ingest.counts.refusedConnections).toEqual({ vin_not_admitted: 2 });
    expect(await ingest.story()).toEqual(['CONNECTED', 'fence']);
  });

  it('of an issuer that is in the bundle but none of a vehicle is refused with the reason', async () => {
    const authority = createAuthority({ commonName: 'Somebody Else CA', days: 30 });
    const bundle = path.join(pki.dataDir, 'two-cas.pem');
    writeFileSync(bundle, `${pki.vehicleAuthority.certificatePem}${authority.certificatePem}`);
    ingest = await startTestIngest({
      redisUrl: redis.url,
      pki,
      env: { INGEST_CA_FILE: bundle, ALLOWED_VINS: '*' },
    });
    expect((await refused(ingest.connect({ certificate: vehicleOf(authority) }))).statusCode).toBe(403);
    expect(ingest.counts.refusedConnections).toEqual({ unknown_issuer: 1 });
    await (await ingest.connect()).fence();
  });

  it('is not left half open after a refusal', async () => {
    ingest = await startTestIngest({ redisUrl: redis.url, pki, env: { ALLOWED_VINS: OTHER_VIN } });
    const { certificatePem: cert, keyPem: key } = pki.vehicle(VIN);
    const { vehicles: port } = ingest.ports;
    // A client that doesn't end its own side when the server does.
    const options = { port, host: '127.0.0.1', ca: pki.serverCaPem, cert, key, allowHalfOpen: true };
    const socket = connect(options as ConnectionOptions);
    const ended = new Promise((resolve) => socket.on('close', resolve));
    socket.on('error', () => {});
    socket.write(
      'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
    let text = '';
    socket.setEncoding('utf8').on('data', (part) => {
      text += part;
    });
    await eventually(() => text.endsWith('\r\n\r\nvin_not_admitted'));
    // Only a server that has let go answers further writes with a reset.
    const poke = setInterval(() => socket.write('x'), 5);
    await ended;
    clearInterval(poke);
  });
});

describe('a handshake fails', () => {
  it.each([
    ['without a certificate', 'no_certificate', undefined],
    [
      'with a certificate of another CA that has the same name',
      'certificate_not_verified',
      () => vehicleOf(createAuthority({ commonName: 'TeslaMotors', days: 30 })),
    ],
    [
      'with a certificate of a CA that is not in the bundle',
      'certificate_not_verified',
      () => vehicleOf(createAuthority({ commonName: 'Tesla Issuing CA', days: 30 })),
    ],
    ['with an expired certificate', 'certificate_expired', () => expiredVehicle()],
  ] as const)('%s, and is counted as %s', async (_, reason, certificate) => {
    ingest = await startTestIngest({ redisUrl: redis.url, pki });
    const error = await refused(ingest.connect({ certificate: certificate?.() ?? noCertificate }));
    expect(error.statusCode).toBeUndefined();
    await eventually(() => ingest.counts.refusedConnections[reason] === 1);
    expect(ingest.counts.refusedConnections).toEqual({ [reason]: 1 });
    expect((await ingest.admin('/metrics')).text).toMatch(
      new RegExp(`fleetbridge_ingest_connections_refused_total\\{reason="${reason}".*\\} 1`),
    );
    expect(await ingest.story()).toEqual([]);
  });

  it('with what is not TLS at all, and nobody minds', async () => {
    ingest = await startTestIngest({ redisUrl: redis.url, pki });
    await expect(plainGet(ingest.ports.vehicles)).rejects.toThrow();
    await eventually(() => ingest.counts.refusedConnections.not_tls === 1);
    await (await ingest.connect()).fence();
  });
});

describe('what a vehicle says about itself in the request', () => {
  it('is in its records: network interface in the connectivity record, version in each of its own', async () => {
    ingest = await startTestIngest({ redisUrl: redis.url, pki });
    const headers = { 'X-Network-Interface': 'cellular', Version: '2026.20.6', 'X-TXID': 'not-ours-to-use' };
    const vehicle = await ingest.connect({ headers });
    await vehicle.fence();
    const [connected, fence] = await ingest.entries();
    const { networkInterface, vin, connectionId, status, createdAt } = decodeMessage(
      'connectivity',
      connected!.payload,
    );
    expect({ networkInterface, vin, status }).toEqual({
      networkInterface: 'cellular',
      vin: VIN,
      status: ConnectivityEvent.CONNECTED,
    });
    expect(connected).toMatchObject({
      txid: connectionId,
      version: '',
      createdMs: Number(createdAt?.seconds) * 1000 + Math.floor((createdAt?.nanos ?? 0) / 1e6),
    });
    expect(fence?.version).toBe('2026.20.6');
    expect(await ingest.presence.of(VIN)).toMatchObject({
      connectionId,
      networkInterface: 'cellular',
      processId: ingest.lease.processId,
    });
    expect(ingest.lines.find(({ event }) => event === 'vehicle_connected')).toMatchObject({
      vin: VIN,
      vehicle_txid: 'not-ours-to-use',
      connection_id: connectionId,
    });
  });

  it('is cut when it is absurdly long', async () => {
    ingest = await startTestIngest({ redisUrl: redis.url, pki });
    const long = 'é'.repeat(3_000);
    const vehicle = await ingest.connect({ headers: { Version: long, 'X-Network-Interface': long } });
    await vehicle.fence();
    expect((await ingest.entries())[1]?.version.length).toBeLessThanOrEqual(100);
  });
});

async function refused(connecting: Promise<unknown>): Promise<VehicleConnectError> {
  const outcome = await connecting.catch((error: unknown) => error);
  expect(outcome).toBeInstanceOf(VehicleConnectError);
  return outcome as VehicleConnectError;
}

function vehicleOf(authority: VehicleCertificate): VehicleCertificate {
  const extendedKeyUsage = [extendedKeyUsages.clientAuth];
  return issueCertificate({ authority, subject: { commonName: VIN }, extendedKeyUsage, days: 30 });
}

function expiredVehicle(): VehicleCertificate {
  const authority = pki.vehicleAuthority;
  const extendedKeyUsage = [extendedKeyUsages.clientAuth];
  const now = new Date(Date.now() - 20 * 86_400_000);
  return issueCertificate({ authority, subject: { commonName: VIN }, extendedKeyUsage, days: 10, now });
}

function httpsGet(path: string): Promise<{ status: number; text: string }> {
  const { certificatePem: cert, keyPem: key } = pki.vehicle(VIN);
  const { vehicles: port } = ingest.ports;
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path, ca: pki.serverCaPem, cert, key, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    }).on('error', reject);
  });
}

async function plainGet(port: number): Promise<unknown> {
  return await fetch(`http://127.0.0.1:${port}/status`);
}

/** TLS 1.2, where the list comes before the client has to show anything. */
function opensslSClient(): Promise<string> {
  const address = `127.0.0.1:${ingest.ports.vehicles}`;
  return new Promise((resolve) => {
    // It ends with a failure, having no certificate to show.
    execFile('openssl', ['s_client', '-connect', address, '-tls1_2'], (_, stdout) => resolve(stdout));
  });
}
