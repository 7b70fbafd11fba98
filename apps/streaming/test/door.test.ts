// Clients with a right token are served while silent, slow and wrong clients connect from the same address: on the port for
// TeslaMate and HTTP, and on gRPC.
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:https';
import { connect as connectTcp, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { ensureDevelopmentPki } from '@fleetbridge/pki';
import { eventually } from '@fleetbridge/testing';
import { credentials, Metadata, makeGenericClientConstructor } from '@grpc/grpc-js';
import { beforeAll, describe, expect, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { telemetryService } from '../src/grpc/grpc-services.js';
import { type Rig, VIN } from './streaming-rig.js';
import { it } from './streaming-test.js';

const TOKEN = 'a-right-token-of-this-fleet';
/** The full size takes half a minute of CPU. */
const scale = process.env.TEST_LONG ? 1 : 0.1;
if (scale < 1) console.log('skipped: the full number of wrong clients (npm run test:long)');
const count = (full: number) => Math.ceil(full * scale);
const limits = { unadmittedPerAddress: count(1_000), unfinished: count(256), failures: 20 };

const folder = mkdtempSync(path.join(tmpdir(), 'fleetbridge-door-'));
let caPem = '';
beforeAll(() => {
  const { serverAuthority } = ensureDevelopmentPki({ directory: path.join(folder, 'pki'), hosts: [], vins: [] });
  caPem = readFileSync(serverAuthority.certFile, 'utf8');
  return () => rmSync(folder, { recursive: true, force: true });
});
const tls = { STREAMING_TLS: 'on', DATA_DIR: folder, BRIDGE_TOKEN: TOKEN };

describe('a client with a right token', () => {
  it('is served beside 400 silent, 400 slow and 1,000 wrong-token connections from its address', {
    timeout: 180_000,
  }, async ({ startRig }) => {
    const rig = await startRig({ env: tls, limits });
    await rig.soc(50);
    const owner = await openWebSocket(rig);
    owner.send(subscribe(TOKEN));
    await eventually(() => owner.messages.length > 0);

    for (let n = 0; n < count(400); n++) tcp(rig.port);
    for (let n = 0; n < count(400); n++) slowRequest(rig);
    const wrong = Promise.allSettled(Array.from({ length: count(1_000) }, (_, n) => wrongClient(rig, n)));
    for (let round = 0; round < 5; round++) {
      expect(await statusOf(rig)).toBe(200);
      const next = await openWebSocket(rig);
      next.send(subscribe(TOKEN));
      await eventually(() => next.messages.length > 0 && rig.live.count().owner! > 0);
      next.terminate();
    }
    await wrong;
    expect(await statusOf(rig)).toBe(200);
    expect(rig.access.refusals.unknown_token).toBeGreaterThan(count(1_000) / 2);
    // one line for all of them
    expect(rig.lines.filter(({ event }) => event === 'token_refused').length).toBe(1);
    expect(owner.readyState).toBe(owner.OPEN);
  });

  it('is served by gRPC beside silent connections and wrong tokens from its address', async ({ startRig }) => {
    const rig = await startRig({ env: tls, limits: { unadmittedPerAddress: 10, failures: 5 } });
    await rig.soc(50);
    const right = grpcClient(rig, TOKEN);
    expect(await right()).toBe(VIN);
    const port = Number(rig.grpcAddress.split(':')[1]);
    const silent = Array.from({ length: 40 }, () => secured(port).resume());
    await eventually(() => (rig.counts.refusedConnections.address_unadmitted ?? 0) >= 30);
    for (let n = 0; n < 20; n++) await expect(grpcClient(rig, `wrong-${n}`)()).rejects.toThrow('UNAUTHENTICATED');
    expect(await right()).toBe(VIN);
    expect(await grpcClient(rig, TOKEN)()).toBe(VIN);
    await eventually(() => silent.filter(({ closed }) => closed).length >= 30);
  });

  it('stays connected, however many other connections of its address wait', async ({ startRig }) => {
    const rig = await startRig({ env: { BRIDGE_TOKEN: TOKEN }, limits: { unadmittedPerAddress: 3 } });
    await rig.soc(50);
    const owner = await openWebSocket(rig);
    owner.send(subscribe(TOKEN));
    await eventually(() => owner.messages.length > 0);
    const silent = Array.from({ length: 10 }, () => tcp(rig.port));
    await eventually(() => rig.counts.refusedConnections.address_unadmitted === 7);
    await eventually(() => silent.filter(({ closed }) => closed).length === 7);
    expect(owner.readyState).toBe(owner.OPEN);
    for (const socket of silent) socket.destroy();
  });

  it('comes through a trusted proxy, whose connections count only in all', async ({ startRig }) => {
    const env = { BRIDGE_TOKEN: TOKEN, TRUSTED_PROXIES: '127.0.0.1' };
    const rig = await startRig({ env, limits: { unadmittedPerAddress: 3, unadmitted: 8 } });
    const silent = Array.from({ length: 10 }, () => tcp(rig.port));
    await eventually(() => rig.counts.refusedConnections.too_many_unadmitted === 2);
    await eventually(() => silent.filter(({ closed }) => closed).length === 2);
    expect(rig.counts.refusedConnections.address_unadmitted).toBeUndefined();
    for (const socket of silent) socket.destroy();
  });
});

describe('a client that sends nothing', () => {
  it('after its WebSocket is open is disconnected', async ({ startRig }) => {
    const rig = await startRig({ env: { BRIDGE_TOKEN: TOKEN }, pace: { noFirstMessageMs: 50 } });
    const silent = await openWebSocket(rig);
    await once(silent, 'close');
    expect(rig.counts.ended).toEqual({ no_subscribe: 1 });
  });

  it.skipIf(!process.env.TEST_LONG)(
    'or only a part of a request is disconnected after ten seconds',
    {
      timeout: 60_000,
    },
    async ({ startRig }) => {
      const rig = await startRig({ env: tls });
      const sockets = [tcp(rig.port), secured(rig.port).resume(), slowRequest(rig).resume()];
      await eventually(() => sockets.every(({ closed }) => closed), 25_000);
    },
  );
});

function tcp(port: number): Socket {
  const socket = connectTcp(port, '127.0.0.1').resume();
  socket.on('error', () => {});
  onTestFinished(() => void socket.destroy());
  return socket;
}

function secured(port: number): TLSSocket {
  const socket = connectTls({ port, host: '127.0.0.1', ca: caPem, ALPNProtocols: ['h2', 'http/1.1'] });
  socket.on('error', () => {});
  onTestFinished(() => void socket.destroy());
  return socket;
}

/** One byte of a request per 100 ms. */
function slowRequest({ port }: Rig): TLSSocket {
  const socket = secured(port);
  const text = `GET /vehicles?token=${TOKEN} HTTP/1.1\r\nHost: x\r\n`;
  let at = 0;
  const timer = setInterval(() => socket.write(text.charAt(at++ % text.length)), 100);
  socket.once('close', () => clearInterval(timer));
  return socket;
}

/** Half of them as TeslaMate, half by HTTP. */
async function wrongClient(rig: Rig, n: number): Promise<unknown> {
  if (n % 2 === 0) return await statusOf(rig, `wrong-${n}`);
  const socket = await openWebSocket(rig);
  socket.send(subscribe(`wrong-${n}`));
  return await once(socket, 'message');
}

function statusOf({ port }: Rig, token = TOKEN): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const options = { port, host: '127.0.0.1', path: `/vehicles?token=${token}`, ca: caPem, agent: false } as const;
    request(options, (response) => resolve(response.resume().statusCode))
      .on('error', reject)
      .end();
  });
}

async function openWebSocket({ wsUrl }: Rig): Promise<WebSocket & { messages: string[] }> {
  const messages: string[] = [];
  const socket = Object.assign(new WebSocket(wsUrl, { ca: caPem }), { messages });
  socket.on('error', () => {}).on('message', (data) => messages.push(data.toString()));
  onTestFinished(() => socket.terminate());
  await once(socket, 'open');
  return socket;
}

function subscribe(token: string): string {
  return JSON.stringify({ msg_type: 'data:subscribe_oauth', token, value: 'speed,soc', tag: VIN });
}

/** Returns a call of GetVehicle, which resolves to the VIN. */
function grpcClient({ grpcAddress }: Rig, token: string): () => Promise<string> {
  const Client = makeGenericClientConstructor(telemetryService, 'Telemetry');
  const channel = credentials.createSsl(Buffer.from(caPem));
  const client = new Client(grpcAddress, channel, { 'grpc.use_local_subchannel_pool': 1 });
  onTestFinished(() => client.close());
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${token}`);
  return () =>
    new Promise((resolve, reject) => {
      // biome-ignore lint/suspicious/noExplicitAny: clients of grpc-js are made at run time
      (client as any).GetVehicle({ vin: VIN }, metadata, (error: Error | null, vehicle: { vin: string }) =>
        error ? reject(error) : resolve(vehicle.vin),
      );
    });
}
