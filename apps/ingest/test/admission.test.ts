// Admission of clients: valid and invalid certificates in a real handshake, and the answers to refused clients.
import { execFile, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { get } from 'node:https';
import path from 'node:path';
import { type ConnectionOptions, connect } from 'node:tls';
import { createAuthority, extendedKeyUsages, issueCertificate } from '@fleetbridge/pki';
import { ConnectivityEvent, decodeMessage } from '@fleetbridge/protocol';
import { VehicleConnectError } from '@fleetbridge/simulator';
import { eventually } from '@fleetbridge/testing';
import { describe, expect } from 'vitest';
import { noCertificate, OTHER_VIN, type TestIngest, type TestPki, type VehicleCertificate, VIN } from './ingest-rig.js';
import { it } from './ingest-test.js';

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;
let ingest: TestIngest;

describe('a client with a valid certificate', () => {
  it('gets "mtls ok" from /status, and a hint from any other path', async ({ startIngest }) => {
    ingest = await startIngest();
    expect(await httpsGet('/status')).toEqual({ status: 200, text: 'mtls ok' });
    expect(await httpsGet('/')).toMatchObject({ status: 426, text: expect.stringContaining('WebSocket') });
  });

  it('can connect as a vehicle on any path', async ({ startIngest }) => {
    ingest = await startIngest();
    const vehicle = await ingest.connect({ path: 'some/where?x=1' });
    await vehicle.fence();
  });

  it('receives exactly the names of the vehicle CAs', { skip: !hasOpenssl }, async ({ startIngest }) => {
    ingest = await startIngest();
    const text = await opensslSClient();
    const names = /Acceptable client certificate CA names\n([\s\S]*?)\n(?:Requested|Client|Shared|Peer)/.exec(
      text,
    )?.[1];
    expect(names?.split('\n')).toEqual(['CN = TeslaMotors']);
  });

  it('and a VIN that is not in ALLOWED_VINS is refused before the upgrade, and counted', async ({ startIngest }) => {
    ingest = await startIngest({ env: { ALLOWED_VINS: OTHER_VIN.toLowerCase() } });
    await (await ingest.connect({ vin: OTHER_VIN })).fence();
    expect((await refused(ingest.connect({ vin: VIN }))).statusCode).toBe(403);
    expect(await httpsGet('/status')).toEqual({ status: 403, text: 'vin_not_admitted\n' });
    expect(ingest.counts.refusedConnections).toEqual({ vin_not_admitted: 2 });
    expect(await ingest.story()).toEqual(['CONNECTED', 'fence']);
  });

  it('of a CA that is in the bundle but is not a vehicle CA is refused with the reason', async ({
    pki,
    startIngest,
  }) => {
    const authority = createAuthority({ commonName: 'Another CA', days: 30 });
    const bundle = path.join(pki.dataDir, 'two-cas.pem');
    writeFileSync(bundle, `${pki.vehicleAuthority.certificatePem}${authority.certificatePem}`);
    ingest = await startIngest({ env: { INGEST_CA_FILE: bundle, ALLOWED_VINS: '*' } });
    expect((await refused(ingest.connect({ certificate: vehicleOf(authority) }))).statusCode).toBe(403);
    expect(ingest.counts.refusedConnections).toEqual({ unknown_issuer: 1 });
    await (await ingest.connect()).fence();
  });

  it('is not left with a half-open connection after a refusal', async ({ pki, startIngest }) => {
    ingest = await startIngest({ env: { ALLOWED_VINS: OTHER_VIN } });
    const { certificatePem: cert, keyPem: key } = pki.vehicle(VIN);
    const { vehicles: port } = ingest.ports;
    // a client that does not close its side when the server does
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
    // writes get a reset only when the server has closed the socket
    const poke = setInterval(() => socket.write('x'), 5);
    await ended;
    clearInterval(poke);
  });
});

describe('a handshake fails', () => {
  it.for([
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
    ['with an expired certificate', 'certificate_expired', (pki: TestPki) => expiredVehicle(pki)],
  ] as const)('%s, and is counted as %s', async ([, reason, certificate], { startIngest }) => {
    ingest = await startIngest();
    const error = await refused(ingest.connect({ certificate: certificate?.(ingest.pki) ?? noCertificate }));
    expect(error.statusCode).toBeUndefined();
    await eventually(() => ingest.counts.refusedConnections[reason] === 1);
    expect(ingest.counts.refusedConnections).toEqual({ [reason]: 1 });
    expect((await ingest.admin('/metrics')).text).toMatch(
      new RegExp(`fleetbridge_ingest_connections_refused_total\\{reason="${reason}".*\\} 1`),
    );
    expect(await ingest.story()).toEqual([]);
  });

  it('with bytes that are not TLS, without effect on vehicles', async ({ startIngest }) => {
    ingest = await startIngest();
    await expect(plainGet(ingest.ports.vehicles)).rejects.toThrow();
    await eventually(() => ingest.counts.refusedConnections.not_tls === 1);
    await (await ingest.connect()).fence();
  });
});

describe('the headers of a vehicle', () => {
  it('are stored: the network interface in the connectivity record, the version in each of its own records', async ({
    startIngest,
  }) => {
    ingest = await startIngest();
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

  it('are truncated when they are very long', async ({ startIngest }) => {
    ingest = await startIngest();
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

function expiredVehicle(pki: TestPki): VehicleCertificate {
  const authority = pki.vehicleAuthority;
  const extendedKeyUsage = [extendedKeyUsages.clientAuth];
  const now = new Date(Date.now() - 20 * 86_400_000);
  return issueCertificate({ authority, subject: { commonName: VIN }, extendedKeyUsage, days: 10, now });
}

function httpsGet(path: string): Promise<{ status: number; text: string }> {
  const { pki } = ingest;
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

/** With TLS 1.2, where the server sends the list before the client presents a certificate. */
function opensslSClient(): Promise<string> {
  const address = `127.0.0.1:${ingest.ports.vehicles}`;
  return new Promise((resolve) => {
    // it exits with an error, because it has no certificate
    execFile('openssl', ['s_client', '-connect', address, '-tls1_2'], (_, stdout) => resolve(stdout));
  });
}
