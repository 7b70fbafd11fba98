// An installation that is set up and healthy, with real parts: the stand-in of Tesla, a TLS server as ingest has it, the
// web server of the domain, and a Redis. A test breaks one thing at a time and repairs it.
import { createPublicKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { createServer as createWebServer, request } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import {
  type CertificateAndKey,
  createAuthority,
  extendedKeyUsages,
  issueCertificate,
  newPrivateKey,
} from '@fleetbridge/pki';
import { startTeslaApi } from '@fleetbridge/simulator';
import { ConfigurationStore, type Store } from '@fleetbridge/store';
import { buildConfiguration, configurationHash, type TelemetryConfiguration } from '@fleetbridge/telemetry-config';
import { connectTesla, loadOrCreateApplicationKey, writeApplication } from '@fleetbridge/tesla-account';
import { type DoctorOptions, runDoctor } from '../src/index.js';

export const vin = '5YJ3E1EA7KF000001';
/** Known to the account, but its owner has not approved the key. */
export const unpairedVin = '5YJ3E1EA7KF000002';
export const domain = 'cars.example.com';
export const unregisteredDomain = 'other.example.com';
export const telemetryHost = 'telemetry.cars.example.com';
const redirectUri = 'http://localhost:3000/callback';
const scopes = 'openid offline_access vehicle_device_data vehicle_location vehicle_cmds vehicle_charging_cmds';
export const application = { domain, clientId: 'client', clientSecret: 'a-secret-of-the-test' };

export const root = createAuthority({ commonName: 'doctor root', days: 300, authorities: 1 });
const intermediate = createAuthority({ commonName: 'doctor R1', days: 300, parent: root });
export const otherRoot = createAuthority({ commonName: 'another root', days: 300 });
export const vehicleCas = ['Tesla Issuing CA', 'TeslaMotors'].map((commonName) =>
  createAuthority({ commonName, days: 300 }),
);
const vehicle = issueCertificate({
  authority: vehicleCas[0]!,
  subject: { commonName: vin },
  extendedKeyUsage: [extendedKeyUsages.clientAuth],
  days: 30,
});

export const otherPublicKeyPem = createPublicKey(newPrivateKey()).export({ type: 'spki', format: 'pem' }).toString();

export function serverCertificate(hosts: readonly string[], now = new Date()): CertificateAndKey {
  return issueCertificate({
    authority: intermediate,
    subject: { commonName: 'server' },
    hosts,
    extendedKeyUsage: [extendedKeyUsages.serverAuth],
    issuerUrl: 'http://ca.example.com/r1.der',
    days: 90,
    now,
  });
}

/** The certificates that ingest sends, and the CAs that it names. */
export function ingestTls(
  own = serverCertificate([telemetryHost]),
  { isWhole = true, cas = vehicleCas } = {},
): TlsOptions {
  return {
    cert: own.certificatePem + (isWhole ? intermediate.certificatePem : ''),
    key: own.keyPem,
    ca: cas.map(({ certificatePem }) => certificatePem),
    requestCert: true,
  };
}

export type DoctorWorld = Awaited<ReturnType<typeof startWorld>>;

export async function startWorld(store: Store) {
  const dataDirectory = mkdtempSync(join(tmpdir(), 'fleetbridge-doctor-'));
  const key = loadOrCreateApplicationKey(join(dataDirectory, 'tesla'));
  const caFile = join(dataDirectory, 'tesla-ca.pem');
  writeFileSync(caFile, root.certificatePem);
  /** Changed by tests. */
  const served = { status: 200, body: key.publicKey.pem };
  const addresses = new Map([domain, unregisteredDomain, telemetryHost].map((name) => [name, ['127.0.0.1']]));
  /** How the car resolves the telemetry host; never, so that it neither connects nor reports. */
  const car = { lookup: (): Promise<string> => new Promise(() => {}) };

  const local = serverCertificate(['localhost', domain, unregisteredDomain]);
  const web = createWebServer(
    { cert: local.certificatePem + intermediate.certificatePem, key: local.keyPem },
    (_, response) => {
      response.writeHead(served.status).end(served.body);
    },
  );
  const ingest = createTlsServer(ingestTls());
  ingest.on('tlsClientError', () => {});
  const other = createTcpServer();
  const [webPort, ingestPort, otherPort] = [await listen(web), await listen(ingest), await listen(other)];
  const api = await startTeslaApi({
    certificatePem: local.certificatePem + intermediate.certificatePem,
    keyPem: local.keyPem,
    ports: { na: 0 },
    application: { ...application, allowedOrigins: [`https://${domain}`], redirectUris: [redirectUri] },
    vehicles: [vin, unpairedVin].map((name) => ({
      vin: name,
      ...vehicle,
      plan: [{ phase: 'park' as const, seconds: 3_600 }],
    })),
    fetchPublicKey: () => Promise.resolve(served.body),
    lookup: () => car.lookup(),
  });
  const settings = { FLEET_API_URL: api.url, FLEET_AUTH_URL: api.authUrl, FLEET_CA_FILE: caFile };
  const tesla = await connectTesla({ store, dataDirectory, settings, owner: 'set-up' });

  const configuration = (change: Partial<TelemetryConfiguration> = {}): TelemetryConfiguration => ({
    ...buildConfiguration(
      { hostname: telemetryHost, port: ingestPort, ca: intermediate.certificatePem + root.certificatePem },
      { fields: { Soc: { interval_seconds: 60 } } },
    ),
    ...change,
  });
  const options: DoctorOptions = {
    store,
    dataDirectory,
    settings,
    owner: 'doctor',
    names: {},
    telemetryPort: ingestPort,
    inside: {
      telemetry: [{ host: '127.0.0.1', port: ingestPort }],
      streaming: [{ host: '127.0.0.1', port: otherPort }],
      gateway: [{ host: '127.0.0.1', port: otherPort }],
    },
    vehicleCas: () => Promise.resolve(vehicleCas.map(({ certificatePem }) => new X509Certificate(certificatePem))),
    retentionHours: 168,
    version: '0.2.0',
    resolve: (name) => Promise.resolve(addresses.get(name) ?? []),
    web: { port: webPort, ca: root.certificatePem },
  };

  const world = {
    options,
    store,
    api,
    tesla,
    directory: join(dataDirectory, 'tesla'),
    key,
    served,
    addresses,
    car,
    ingest,
    ingestPort,
    configuration,
    listen,
    async signIn(scope = scopes) {
      const query = { response_type: 'code', client_id: application.clientId, redirect_uri: redirectUri, scope };
      const location = await redirectOf(`${api.authUrl}/oauth2/v3/authorize?${new URLSearchParams(query)}`);
      const code = new URL(location).searchParams.get('code')!;
      const { refreshToken, ...tokens } = await tesla.fleet.exchangeCode({ ...application, code, redirectUri });
      await tesla.account.signIn({ ...tokens, refreshToken: refreshToken! }, application);
    },
    /** As `setup` and `config apply` do. */
    async send(change: Partial<TelemetryConfiguration> = {}) {
      const sent = configuration(change);
      const sentMs = Date.now();
      await tesla.owner.createConfiguration({ vins: [vin], claims: { ...sent }, key: key.key });
      const stored = { configuration: sent, hash: configurationHash(sent), sentMs };
      await new ConfigurationStore(store).write(vin, 'sent', JSON.stringify(stored));
    },
    recordAt: (timeMs: number) => store.redis.hset(store.keysOf(vin).newest, vin, timeMs),
    check: (change: Partial<DoctorOptions> = {}) => runDoctor({ ...options, ...change }),
    async stop() {
      await api.stop();
      for (const server of [web, ingest, other]) server.close();
      web.closeAllConnections();
      rmSync(dataDirectory, { recursive: true, force: true });
    },
  };
  await writeApplication(store, join(dataDirectory, 'tesla'), application);
  await (await tesla.partner()).register(domain);
  api.pair(domain, vin);
  await world.signIn();
  await world.send();
  await world.recordAt(Date.now() - 10_000);
  return world;
}

/** Where the page of the sign-in leads to. */
async function redirectOf(url: string): Promise<string> {
  const outgoing = request(url, { ca: root.certificatePem, agent: false }).end();
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
  response.resume();
  return response.headers.location ?? '';
}

export async function listen(server: Server, port = 0): Promise<number> {
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
