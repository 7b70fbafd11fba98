// 20 minutes of the real TeslaMate on fleetbridge, with nothing of Tesla: two cars drive, charge and sleep while each
// process is killed. TeslaMate's rows are compared with the log and with frames that a second client received.
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ensureDevelopmentPki } from '@fleetbridge/pki';
import { type PhasePlan, SimulatedVehicle, TeslaMateClient } from '@fleetbridge/simulator';
import { expect, it, onTestFinished } from 'vitest';
import { bridgeProcesses, startBridge } from './teslamate-bridge.js';
import { compare } from './teslamate-compare.js';
import { historyOf, readEvents } from './teslamate-log.js';
import { startTeslaMate } from './teslamate-program.js';

const { TESLAMATE_DIR, TESLAMATE_POSTGRES, TEST_LONG } = process.env;
const isPossible = TEST_LONG !== undefined && TESLAMATE_DIR !== undefined && TESLAMATE_POSTGRES !== undefined;
if (!isPossible) {
  console.log('the real TeslaMate takes 20 minutes: TESLAMATE_DIR and TESLAMATE_POSTGRES with npm run test:long');
}

const MINUTES = 20;
const cars: { vin: string; plan: PhasePlan[] }[] = [
  {
    vin: '5YJ3E1EA7KF000001',
    plan: planOf('park 60 drive 360 park 45 charge 360 park 30 sleep 120 drive 120 sleep 900'),
  },
  {
    vin: '5YJ3E1EA7KF000002',
    plan: planOf('park 60 charge 370 park 30 drive 400 sleep 130 drive 100 park 30 sleep 900'),
  },
];

(isPossible ? it : it.skip)(
  'records drives, charges and sleep as the vehicles sent them, whatever is killed',
  async () => {
    const cleanUp: (() => unknown)[] = [];
    onTestFinished(async () => {
      for (const undo of cleanUp.reverse()) await undo();
    }, 120_000);
    const folder = mkdtempSync(join(tmpdir(), 'fleetbridge-teslamate-'));
    const note = (text: string) => console.log(`${new Date().toISOString()} ${text}`);
    note(`output in ${folder}`);
    const vins = cars.map(({ vin }) => vin);
    const bridge = await startBridge({ folder: join(folder, 'data'), vins, cleanUp });
    const { ports, token, caPem } = bridge;
    const streaming = `wss://localhost:${ports.STREAMING_PORT}`;
    const created = await bridge.command(
      ...['teslamate', 'create', '--gateway', `http://localhost:${ports.GATEWAY_PORT}`, '--streaming', streaming],
    );
    const teslaMate = await startTeslaMate(
      {
        directory: TESLAMATE_DIR!,
        server: TESLAMATE_POSTGRES!,
        folder,
        environment: Object.fromEntries(
          [...created.matchAll(/^ +(TESLA_\w+)=(\S+)/gm)].map(([, name, value]) => [name!, value!]),
        ),
        accessToken: /access token +(\S+)/.exec(created)![1]!,
        refreshToken: /refresh token +(\S+)/.exec(created)![1]!,
      },
      cleanUp,
    );

    const pki = ensureDevelopmentPki({ directory: join(folder, 'data', 'pki'), hosts: [], vins });
    const startMs = Date.now();
    const clients = new Map<string, TeslaMateClient>();
    for (const { vin, plan } of cars) {
      const { certFile, keyFile } = pki.vehicles.get(vin)!;
      const vehicle = new SimulatedVehicle({
        vin,
        plan,
        url: `wss://localhost:${ports.INGEST_PORT}`,
        certificatePem: readFileSync(certFile, 'utf8'),
        keyPem: readFileSync(keyFile, 'utf8'),
        caPem,
        onEvent: (event) => note(`${vin.slice(-1)} ${event.type} ${event.type === 'phase' ? event.phase : ''}`),
      });
      const client = new TeslaMateClient({ url: streaming, token, tag: vin, caPem });
      clients.set(vin, client);
      cleanUp.push(
        () => vehicle.stop(),
        () => client.stop(),
      );
      vehicle.start();
      await client.connect();
    }

    // One car drives and the other charges from minute 1 to 7, and the other way round from 8 to 14.
    const kills = [2, 8.7].flatMap((minute) =>
      bridgeProcesses.map((name, n) => ({ name, atMs: startMs + minute * 60_000 + n * 45_000 })),
    );
    let before = await bridge.requests();
    const rates: number[] = [];
    while (Date.now() < startMs + MINUTES * 60_000) {
      await delay(1_000);
      const kill = kills[0];
      if (kill && kill.atMs <= Date.now()) {
        kills.shift();
        note(`${kill.name} killed, back after ${await bridge.kill(kill.name)} ms`);
      }
      const now = await bridge.requests().catch(() => undefined);
      if (now === undefined) continue;
      const sum = (requests: Map<string, number>) => [...requests.values()].reduce((all, one) => all + one, 0);
      rates.push(Math.max(0, sum(now) - sum(before)));
      before = now;
    }
    note(`requests: at most ${Math.max(...rates)} in a second`);
    expect(await bridge.command('teslamate', 'check')).not.toMatch(/missing/);
    expect(teslaMate.isRunning()).toBe(true);
    expect(teslaMate.log()).not.toMatch(/terminating|exited|Discarded/);
    // nothing is fetched in a loop
    expect(Math.max(...rates)).toBeLessThan(20);
    for (const { vin } of cars) {
      const from = new Date(startMs - 60_000).toISOString();
      const url = `https://localhost:${ports.STREAMING_PORT}/events?vin=${vin}&token=${token}&from=${from}`;
      const history = historyOf(await readEvents({ url, caPem }));
      expect(history.drives).toHaveLength(2);
      expect(history.charges).toHaveLength(1);
      const found = await compare(history, vin, teslaMate);
      note(`${vin}: ${JSON.stringify(found.facts)}`);
      expect(found.faults).toEqual([]);
      expect(clients.get(vin)!.crashes).toEqual([]);
    }
  },
  (MINUTES + 5) * 60_000,
);

function planOf(text: string): PhasePlan[] {
  return [...text.matchAll(/(\w+) (\d+)/g)].map(([, phase, seconds]) => ({
    phase: phase as PhasePlan['phase'],
    seconds: Number(seconds),
  }));
}
