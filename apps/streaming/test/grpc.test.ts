// The gRPC port with the client of grpc-js, and with a client that is built from reflection as tools do.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ensureDevelopmentPki } from '@fleetbridge/pki';
import { encodeMessage, Field, timestampOf } from '@fleetbridge/protocol';
import { partitionKeys } from '@fleetbridge/store';
import { eventually } from '@fleetbridge/testing';
import {
  type ChannelCredentials,
  type Client,
  credentials,
  loadPackageDefinition,
  Metadata,
  makeGenericClientConstructor,
  type ServiceClientConstructor,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { fromJSON, loadFileDescriptorSetFromBuffer } from '@grpc/proto-loader';
import { describe, expect } from 'vitest';
import { services } from '../src/gen/services.js';
import { telemetryService } from '../src/grpc/grpc-services.js';
import { OTHER_VIN, type Rig, TOKEN, VIN } from './streaming-rig.js';
import { it, type StreamingTestContext } from './streaming-test.js';

// biome-ignore lint/suspicious/noExplicitAny: clients of grpc-js are made at run time
type Any = any;
const wireOptions = { keepCase: true, longs: Number, enums: String, defaults: true, oneofs: true };

describe('GetVehicle and ListVehicles', () => {
  it('return the current state with units and times, and a cursor from which Subscribe continues', async ({
    startRig,
  }) => {
    const { rig, client } = await open(startRig);
    await rig.presence(true);
    await rig.soc(71.5, { atMs: Date.UTC(2026, 10, 1) });
    await rig.soc(50, { vin: OTHER_VIN });
    const vehicle = await call(client, 'GetVehicle', { vin: VIN });
    expect(vehicle).toMatchObject({
      vin: VIN,
      connected: true,
      signals: [{ name: 'Soc', value: 'number', number: 71.5, at: { seconds: Date.UTC(2026, 10, 1) / 1000 } }],
    });
    const { vehicles } = await call(client, 'ListVehicles', {});
    expect(vehicles.map(({ vin }: Any) => vin)).toEqual([VIN, OTHER_VIN]);
    const stream = subscribe(client, { vins: [VIN], cursor: vehicle.cursor });
    await rig.soc(72);
    await eventually(() => stream.records.length === 1);
    expect(stream.records[0]).toMatchObject({ vin: VIN, topic: 'V', txid: 'soc-72', signals: [{ number: 72 }] });
    expect(stream.records[0].payload.length).toBeGreaterThan(10);
  });

  it('keep the newest value when an older one arrives late or from a clock that is ahead', async ({ startRig }) => {
    const { rig, client } = await open(startRig);
    const socOf = async () => (await call(client, 'GetVehicle', { vin: VIN })).signals[0].number;
    await rig.soc(71);
    await rig.soc(60, { atMs: Date.now() - 600_000 });
    expect(await socOf()).toBe(71);
    await rig.soc(72, { atMs: Date.now() + 45_000 });
    await rig.soc(73);
    expect(await socOf()).toBe(73);
  });

  it('return corrected values', async ({ startRig }) => {
    const { rig, client } = await open(startRig);
    const data = [
      { key: Field.Soc, value: { floatValue: 52.3 } },
      { key: Field.Gear, value: { stringValue: '"R"' } },
      { key: Field.RatedRange, value: { doubleValue: 999 } },
      { key: Field.Location, value: { locationValue: { latitude: 0, longitude: 0 } } },
    ];
    await rig.append({ topic: 'V', payload: encodeMessage('V', { vin: VIN, createdAt: timestampOf(1_000), data }) });
    const { signals } = await call(client, 'GetVehicle', { vin: VIN });
    expect(signals).toMatchObject([
      { name: 'Gear', text: 'R' },
      { name: 'Location', invalid: true },
      { name: 'RatedRange', invalid: true },
      { name: 'Soc', number: 52.3 },
    ]);
  });

  it('answer an unknown vehicle with NOT_FOUND', async ({ startRig }) => {
    const { client } = await open(startRig);
    expect(await codeOf(call(client, 'GetVehicle', { vin: VIN }))).toBe(status.NOT_FOUND);
    expect(await codeOf(call(client, 'GetVehicle', { vin: 'a b' }))).toBe(status.INVALID_ARGUMENT);
  });
});

describe('Subscribe', () => {
  it('sends live records, and continues after a cursor or from a time, in order', async ({ startRig }) => {
    const { rig, client } = await open(startRig);
    const live = subscribe(client, { vins: [VIN], topics: ['V'] });
    await live.started;
    for (let n = 1; n <= 300; n++) await rig.soc(n, { atMs: 1_793_000_000_000 + n });
    await rig.presence(true);
    await rig.soc(1, { vin: OTHER_VIN });
    await eventually(() => live.records.length === 300);
    const txids = live.records.map(({ txid }) => txid);
    const resumed = subscribe(client, { vins: [VIN], topics: ['V'], cursor: live.records[99].cursor });
    const timed = subscribe(client, { vins: [VIN], from: { seconds: 1_793_000_000, nanos: 251_000_000 } });
    await eventually(() => resumed.records.length === 200 && timed.records.length === 51);
    expect(resumed.records.map(({ txid }) => txid)).toEqual(txids.slice(100));
    expect(timed.records[0].txid).toBe('soc-251');
  });

  it('ends with OUT_OF_RANGE when the records after the cursor were trimmed', async ({ startRig }) => {
    const { rig, client } = await open(startRig);
    const live = subscribe(client, {});
    await live.started;
    for (let n = 1; n <= 5; n++) await rig.soc(n);
    await eventually(() => live.records.length === 5);
    await rig.redis.xtrim(partitionKeys(rig.namespace, 0).records, 'MAXLEN', 1);
    const late = subscribe(client, { cursor: live.records[0].cursor });
    await eventually(() => late.codes.length === 1);
    expect(late.codes).toEqual([status.OUT_OF_RANGE]);
    expect(late.records).toEqual([]);
  });

  it('sends at the pace of its client with a bounded buffer, and ends a client that does not read', async ({
    startRig,
  }) => {
    const { rig, client } = await open(startRig, { unreadLimitMs: 50 });
    const slow = subscribe(client, {});
    await slow.started;
    slow.call.pause();
    const other = subscribe(client, {});
    await other.started;
    const payload = Buffer.alloc(100_000);
    let sent = 0;
    while (rig.counts.ended.messages_unread === undefined) {
      await rig.append({ topic: 'errors', txid: String(sent++), payload });
    }
    await eventually(() => other.records.length === sent);
    expect(rig.live.count().grpc).toBe(1);
    slow.call.resume();
    await eventually(() => slow.codes.length === 1);
    expect(slow.codes).toEqual([status.RESOURCE_EXHAUSTED]);
  });

  it('ends with UNAVAILABLE when the server stops', async ({ startRig }) => {
    const { rig, client } = await open(startRig);
    const stream = subscribe(client, {});
    await stream.started;
    await rig.stop();
    await eventually(() => stream.codes.length === 1);
    expect(stream.codes).toEqual([status.UNAVAILABLE]);
  });

  it('answers a malformed cursor with INVALID_ARGUMENT', async ({ startRig }) => {
    const { client } = await open(startRig);
    const stream = subscribe(client, { cursor: 'x' });
    await eventually(() => stream.codes.length === 1);
    expect(stream.codes).toEqual([status.INVALID_ARGUMENT]);
  });
});

describe('a token', () => {
  it('is metadata, and gives access to its vehicle only', async ({ startRig }) => {
    const { rig, client } = await open(startRig);
    await rig.soc(50);
    await rig.soc(51, { vin: OTHER_VIN });
    const { token, grant } = await rig.tokens.create({ vin: VIN, label: '', nowMs: 1 });
    expect(await codeOf(call(client, 'GetVehicle', { vin: VIN }, ''))).toBe(status.UNAUTHENTICATED);
    expect(await codeOf(call(client, 'ListVehicles', {}, 'wrong'))).toBe(status.UNAUTHENTICATED);
    expect(await codeOf(call(client, 'GetVehicle', { vin: OTHER_VIN }, token))).toBe(status.PERMISSION_DENIED);
    expect((await call(client, 'ListVehicles', {}, token)).vehicles).toHaveLength(1);
    const stream = subscribe(client, {}, token);
    await stream.started;
    await rig.soc(52, { vin: OTHER_VIN });
    await rig.soc(53);
    await eventually(() => stream.records.length === 1);
    expect(stream.records[0].vin).toBe(VIN);
    await rig.tokens.revoke(grant.id);
    await eventually(() => stream.codes.length === 1);
    expect(stream.codes).toEqual([status.UNAUTHENTICATED]);
  });
});

describe('the standard services', () => {
  it('include health, of the server and of the service', async ({ startRig, redisServer }) => {
    const { client } = await open(startRig, {}, clientOf(services.health, 'grpc.health.v1.Health'));
    expect(await call(client, 'Check', { service: '' }, '')).toEqual({ status: 'SERVING' });
    expect(await call(client, 'Check', { service: 'fleetbridge.v1.Telemetry' }, '')).toEqual({ status: 'SERVING' });
    expect(await codeOf(call(client, 'Check', { service: 'x' }, ''))).toBe(status.NOT_FOUND);
    const watch = (client as Any).Watch({ service: '' }, new Metadata());
    watch.on('error', () => {});
    const seen: string[] = [];
    watch.on('data', (answer: Any) => seen.push(answer.status));
    await redisServer.kill();
    await eventually(() => seen.includes('NOT_SERVING'));
    await redisServer.start();
    await eventually(() => seen.at(-1) === 'SERVING');
  });

  it.for(['reflection', 'reflectionAlpha'] as const)(
    'include %s, from which a working client is built',
    async (name, { startRig }) => {
      const version = name === 'reflection' ? 'v1' : 'v1alpha';
      const { rig, client } = await open(
        startRig,
        {},
        clientOf(services[name], `grpc.reflection.${version}.ServerReflection`),
      );
      await rig.soc(50);
      const ask = reflection(client);
      const listed = await ask({ list_services: '*' });
      const names = listed.list_services_response.service.map((service: Any) => service.name);
      expect(names).toContain('fleetbridge.v1.Telemetry');
      expect(names).toContain('grpc.health.v1.Health');
      expect((await ask({ file_containing_symbol: 'no.such.Thing' })).error_response.error_code).toBe(status.NOT_FOUND);
      const found = await ask({ file_containing_symbol: 'fleetbridge.v1.Telemetry' });
      const file = found.file_descriptor_response.file_descriptor_proto;
      // as tools do: a client from nothing but the descriptors
      const built = loadPackageDefinition(loadFileDescriptorSetFromBuffer(descriptorSet(file), wireOptions)) as Any;
      const discovered = new built.fleetbridge.v1.Telemetry(rig.grpcAddress, credentials.createInsecure());
      rig.cleanup.push(() => discovered.close());
      const vehicle = await call(discovered, 'GetVehicle', { vin: VIN });
      expect(vehicle.signals[0].name).toBe('Soc');
      const byName = await ask({ file_by_filename: 'google/protobuf/timestamp.proto' });
      expect(byName.file_descriptor_response.file_descriptor_proto).toHaveLength(1);
    },
  );
});

describe('TLS', () => {
  it('is the same as on the other port, and new connections get a renewed certificate', async ({
    startRig,
    cleanup,
  }) => {
    const dataDir = mkdtempSync(path.join(tmpdir(), 'grpc-'));
    cleanup.push(() => rmSync(dataDir, { recursive: true }));
    const directory = path.join(dataDir, 'pki');
    const made = ensureDevelopmentPki({ directory, hosts: [], vins: [] });
    const root = readFileSync(made.serverAuthority.certFile);
    const { rig, client } = await open(
      startRig,
      { env: { STREAMING_TLS: 'on', DATA_DIR: dataDir } },
      undefined,
      credentials.createSsl(root),
    );
    await rig.soc(50);
    expect((await call(client, 'GetVehicle', { vin: VIN })).vin).toBe(VIN);

    const other = ensureDevelopmentPki({ directory: path.join(dataDir, 'other'), hosts: [], vins: [] });
    const [cert, key] = [other.server.certFile, other.server.keyFile].map((file) => readFileSync(file, 'utf8'));
    rig.grpc.renewCertificate({ cert: cert!, key: key! });
    const otherRoot = credentials.createSsl(readFileSync(other.serverAuthority.certFile));
    const second = makeClient(rig, undefined, otherRoot);
    expect((await call(second, 'GetVehicle', { vin: VIN })).vin).toBe(VIN);
    expect((await call(client, 'GetVehicle', { vin: VIN })).vin).toBe(VIN);
  });
});

async function open(
  startRig: StreamingTestContext['startRig'],
  options: Parameters<typeof startRig>[0] = {},
  service?: ServiceClientConstructor,
  channel: ChannelCredentials = credentials.createInsecure(),
) {
  const rig = await startRig(options);
  return { rig, client: makeClient(rig, service, channel) };
}

function makeClient(rig: Rig, service: ServiceClientConstructor | undefined, channel: ChannelCredentials): Client {
  const Telemetry = service ?? makeGenericClientConstructor(telemetryService, 'Telemetry');
  const client = new Telemetry(rig.grpcAddress, channel);
  rig.cleanup.push(() => client.close());
  return client;
}

function clientOf(json: object, name: string): ServiceClientConstructor {
  let found: Any = loadPackageDefinition(fromJSON(json as Any, wireOptions));
  for (const part of name.split('.')) found = found[part];
  return found;
}

function metadataOf(token: string): Metadata {
  const metadata = new Metadata();
  if (token !== '') metadata.set('authorization', `Bearer ${token}`);
  return metadata;
}

function call(client: Client, method: string, request: object, token = TOKEN): Promise<Any> {
  return new Promise((resolve, reject) => {
    (client as Any)[method](request, metadataOf(token), (error: ServiceError | null, answer: object) =>
      error ? reject(error) : resolve(answer),
    );
  });
}

function codeOf(answer: Promise<unknown>): Promise<number> {
  return answer.then(
    () => status.OK,
    (error: ServiceError) => error.code,
  );
}

function subscribe(client: Client, request: object, token = TOKEN) {
  const stream = (client as Any).Subscribe(request, metadataOf(token));
  const received = { records: [] as Any[], codes: [] as number[], call: stream, started: Promise.resolve() };
  received.started = new Promise((resolve) => stream.once('metadata', resolve));
  stream.on('data', (record: object) => received.records.push(record));
  stream.on('error', (error: ServiceError) => received.codes.push(error.code));
  return received;
}

/** A FileDescriptorSet is the concatenation of its files, each as field 1. */
function descriptorSet(files: Buffer[]): Buffer {
  return Buffer.concat(
    files.flatMap((file) => [Buffer.from([0x0a, (file.length & 0x7f) | 0x80, file.length >> 7]), file]),
  );
}

function reflection(client: Client) {
  const stream = (client as Any).ServerReflectionInfo(new Metadata());
  stream.on('error', () => {});
  return (request: object): Promise<Any> => {
    const answer = new Promise((resolve) => stream.once('data', resolve));
    stream.write(request);
    return answer;
  };
}
