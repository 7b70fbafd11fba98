// Two cars drive and charge while each process of `fleetbridge up` is ended. Clients that behave as TeslaMate does poll and
// stream them: one drive, one charge, no time that goes back, no frame lost. No process opens a connection to elsewhere.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ensureDevelopmentPki } from '@fleetbridge/pki';
import { type PhasePlan, SimulatedVehicle, TeslaMateClient } from '@fleetbridge/simulator';
import { TeslaMatePoller } from '@fleetbridge/testing';
import { expect, it, onTestFinished } from 'vitest';
import { type Bridge, startBridge } from './teslamate-bridge.js';
import { historyOf, readEvents } from './teslamate-log.js';

const long = process.env.TEST_LONG === undefined ? it.skip : it;
if (process.env.TEST_LONG === undefined) {
  console.log('skipped: each process ends in mid-drive and in mid-charge (three minutes): npm run test:long');
}

const recorder = join(import.meta.dirname, 'record-connections.cjs');
const isLoopback = (host: string) => /^(localhost|127(\.\d+){3}|::1)$/.test(host);

const driver = '5YJ3E1EA7KF000001';
const charger = '5YJ3E1EA7KF000002';
const BUSY_SECONDS = 100;
const plans: Record<string, PhasePlan[]> = {
  [driver]: [phase('park', 20), phase('drive', BUSY_SECONDS), phase('park', 600)],
  [charger]: [phase('park', 20), phase('charge', BUSY_SECONDS), phase('park', 600)],
};
const ends = [
  ['streaming worker', 'SIGKILL'],
  ['dispatcher', 'SIGKILL'],
  ['redis', 'SIGKILL'],
  ['gateway', 'SIGKILL'],
  ['streaming', 'SIGKILL'],
  ['dispatcher', 'SIGTERM'],
  ['gateway', 'SIGTERM'],
] as const;

it('the recorder of connections sees an address and a name that are not of this machine', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fleetbridge-connections-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'opened');
  const program = `
    require('node:net').connect(9, '192.0.2.1').on('error', () => {});
    fetch('http://telemetry.invalid/').catch(() => process.exit());`;
  execFileSync(process.execPath, ['--require', recorder, '-e', program], { env: { OPENED_CONNECTIONS: file } });
  expect(foreignConnections(file)).toEqual([
    expect.stringMatching(/^connect 192\.0\.2\.1/),
    expect.stringMatching(/^connect telemetry\.invalid/),
    expect.stringMatching(/^lookup telemetry\.invalid/),
  ]);
});

long(
  'each process ends in mid-drive and in mid-charge, and TeslaMate sees one drive and one charge',
  async () => {
    const cleanUp: (() => unknown)[] = [];
    onTestFinished(async () => {
      for (const undo of cleanUp.reverse()) await undo();
    }, 120_000);
    const folder = mkdtempSync(join(tmpdir(), 'fleetbridge-restarts-'));
    cleanUp.push(() => rmSync(folder, { recursive: true }));
    const vins = [driver, charger];
    const opened = join(folder, 'opened');
    const bridge = await startBridge({
      folder: join(folder, 'data'),
      vins,
      cleanUp,
      env: { NODE_OPTIONS: `--require ${recorder}`, OPENED_CONNECTIONS: opened },
    });
    const pki = ensureDevelopmentPki({ directory: join(folder, 'data', 'pki'), hosts: [], vins });
    const cars = await Promise.all(vins.map((vin) => startCar(bridge, pki.vehicles.get(vin)!, vin, cleanUp)));

    for (const car of cars) await car.poll();
    const busyAtMs = Date.now() + 25_000;
    for (const [n, [name, signal]] of ends.entries()) {
      await pollUntil(busyAtMs + n * 10_000, cars);
      await bridge.kill(name, signal);
    }
    await pollUntil(busyAtMs + (BUSY_SECONDS + 15) * 1_000, cars);

    for (const { faults, client } of cars) {
      expect(faults).toEqual([]);
      expect(client.crashes).toEqual([]);
      const times = client.frames.map(({ timeMs }) => timeMs);
      expect(times).toEqual([...times].sort((a, b) => a - b));
    }
    const [drives, charges] = cars;
    expect(drives!.poller.entered).toEqual(['online', 'driving', 'online']);
    expect(charges!.poller.entered).toEqual(['online', 'charging', 'online']);
    expect(charges!.poller.charges).toHaveLength(1);
    const energy = charges!.poller.charges[0]!.map(({ energyKwh }) => energyKwh);
    expect(energy).toEqual([...energy].sort((a, b) => a - b));
    expect(energy.at(-1)).toBeGreaterThan(0.1);

    const { STREAMING_PORT } = bridge.ports;
    const url = `https://localhost:${STREAMING_PORT}/events?vin=${driver}&token=${bridge.token}&from=${ago(600)}`;
    const history = historyOf(await readEvents({ url, caPem: bridge.caPem }));
    expect(history.drives).toHaveLength(1);
    const places = [...history.drives[0]!.places.keys()];
    expect(places.length).toBeGreaterThan(BUSY_SECONDS / 2);
    const frames = new Set(drives!.client.frames.map(({ timeMs }) => timeMs));
    expect(places.filter((timeMs) => !frames.has(timeMs))).toEqual([]);

    expect(foreignConnections(opened)).toEqual([]);
    // every process was watched
    const programs = readFileSync(opened, 'utf8');
    for (const app of ['ingest', 'dispatcher', 'streaming', 'gateway']) expect(programs).toContain(`apps/${app}/`);
  },
  300_000,
);

async function startCar(
  bridge: Bridge,
  files: { certFile: string; keyFile: string },
  vin: string,
  cleanUp: (() => unknown)[],
) {
  const { ports, token, caPem } = bridge;
  const vehicle = new SimulatedVehicle({
    vin,
    plan: plans[vin]!,
    url: `wss://localhost:${ports.INGEST_PORT}`,
    certificatePem: readFileSync(files.certFile, 'utf8'),
    keyPem: readFileSync(files.keyFile, 'utf8'),
    caPem,
  });
  const client = new TeslaMateClient({ url: `wss://localhost:${ports.STREAMING_PORT}`, token, tag: vin, caPem });
  cleanUp.push(
    () => vehicle.stop(),
    () => client.stop(),
  );
  const ask = async (path: string) => {
    const url = `http://127.0.0.1:${ports.GATEWAY_PORT}/api/1/vehicles/${vin}${path}`;
    const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
    // TeslaMate asks again after an error of the server
    if (response.status >= 500) throw new Unavailable(`${response.status}`);
    // biome-ignore lint/suspicious/noExplicitAny: checked by the poller
    return { status: response.status, headers: response.headers, body: (await response.json()) as any };
  };
  const poller = new TeslaMatePoller({
    now: Date.now,
    data: () => ask('/vehicle_data'),
    vehicle: async () => (await ask('')).body.response,
  });
  vehicle.start();
  const isOnline = async () => (await ask('')).body.response.state === 'online';
  while (!(await isOnline())) await delay(100);
  await client.connect();
  const faults: string[] = [];
  const poll = async () => {
    try {
      await poller.poll();
    } catch (error) {
      const isAway = error instanceof Unavailable || (error instanceof TypeError && error.message === 'fetch failed');
      if (!isAway) faults.push(String(error));
    }
  };
  return { client, poller, faults, poll };
}

class Unavailable extends Error {}

async function pollUntil(timeMs: number, cars: { poll(): Promise<void> }[]): Promise<void> {
  while (Date.now() < timeMs) {
    await Promise.all(cars.map(({ poll }) => poll()));
    await delay(1_000);
  }
}

function foreignConnections(file: string): string[] {
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  return lines.filter((line) => !isLoopback(line.split(' ')[1]!)).sort();
}

function phase(name: PhasePlan['phase'], seconds: number): PhasePlan {
  return { phase: name, seconds };
}

function ago(seconds: number): string {
  return new Date(Date.now() - seconds * 1_000).toISOString();
}
