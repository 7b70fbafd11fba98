// Starts the current code on the data of a stopped installation of release 0.1. The data is frozen in
// infra/fixtures/release-0.1.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, freePort } from '@fleetbridge/testing';
import { expect, it, onTestFinished } from 'vitest';
import { digestsOfKeys, getText, type ReleaseData, testTakeOver } from './upgrade-rig.js';

const fixture = join(import.meta.dirname, '../fixtures/release-0.1');
const long = process.env.TEST_LONG ? it : it.skip;
if (!process.env.TEST_LONG) console.log('`fleetbridge up` on the data of release 0.1 takes seconds: npm run test:long');

testTakeOver('release 0.1, frozen', unpack);

long('`fleetbridge up` continues with the Redis, the tokens and the certificates of release 0.1', async () => {
  const { folder, facts } = unpack();
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const read = (...path: string[]) => readFileSync(join(folder, ...path), 'utf8').trim();
  const before = { token: read('tokens'), password: read('redis', 'password') };
  const names = ['INGEST', 'INGEST_ADMIN', 'DISPATCHER_ADMIN', 'STREAMING', 'STREAMING_ADMIN', 'STREAMING_GRPC'];
  const ports = Object.fromEntries(
    await Promise.all(names.map(async (name) => [`${name}_PORT`, String(await freePort())])),
  );
  const { PATH, REDIS_SERVER = 'redis-server' } = process.env;
  const child = spawn(process.execPath, [join(import.meta.dirname, '../../apps/cli/dist/main.js'), 'up'], {
    env: { PATH, REDIS_SERVER, DATA_DIR: folder, SIM_VEHICLES: '0', SHUTDOWN_SECONDS: '10', ...ports },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const ended = once(child, 'close');
  onTestFinished(async () => {
    child.kill('SIGTERM');
    await ended;
  });
  await eventually(() => {
    if (child.exitCode !== null) throw new Error(output);
    return output.includes('fleetbridge is running');
  }, 30_000);

  const site = { origin: `https://localhost:${ports.STREAMING_PORT}`, caPem: read('pki', 'server-ca.pem') };
  for (const token of [before.token, facts.token]) {
    const { status, text } = await getText(site, `/vehicles/${facts.vin}?token=${token}`);
    expect(status).toBe(200);
    expect(JSON.parse(text)).toMatchObject(facts.snapshot);
  }
  expect({ token: read('tokens'), password: read('redis', 'password') }).toEqual(before);
  expect(digestsOfKeys(folder, facts)).toEqual(facts.keys);
});

/** The frozen data in a temporary folder. */
function unpack(): ReleaseData {
  const folder = mkdtempSync(join(tmpdir(), 'fleetbridge-upgrade-'));
  execFileSync('tar', ['-xzf', join(fixture, 'data.tar.gz'), '-C', folder]);
  return { folder, facts: JSON.parse(readFileSync(join(fixture, 'expected.json'), 'utf8')) };
}
