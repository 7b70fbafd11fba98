// `fleetbridge simulate` with SIM_TESLA as a process: vehicles wait for a configuration, and errors are reported.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually, freePort } from '@fleetbridge/testing';
import { cleanupAfterEach } from '@fleetbridge/testing/cleanup';
import { expect, it } from 'vitest';

const cli = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const cleanUp = cleanupAfterEach();

it('runs the stand-in of Tesla in place of connected vehicles', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'sim-tesla-'));
  const port = await freePort();
  const child = spawn(process.execPath, [cli, 'simulate', '--vehicles', '2'], {
    env: { PATH: process.env.PATH, DATA_DIR: folder, SIM_TESLA: '1', SIM_TESLA_PORT: String(port) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data) => {
      output += data;
    });
  }
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve));
  cleanUp.push(async () => {
    child.kill('SIGTERM');
    await exited;
    rmSync(folder, { recursive: true, force: true });
  });
  await eventually(() => {
    if (child.exitCode !== null) throw new Error(output);
    return output.includes(`https://localhost:${port}; no vehicle connects`);
  }, 30_000);
  const state = await get(
    `https://localhost:${port}/_stand_in/state`,
    readFileSync(path.join(folder, 'pki/server-ca.pem')),
  );
  expect(Object.keys(state.vehicles)).toEqual(['5YJ3E1EA7KF000001', '5YJ3E1EA7KF000002']);
  expect(Object.values(state.vehicles)).toMatchObject([{ isConnected: false }, { isConnected: false }]);
  child.kill('SIGTERM');
  expect(await exited).toBe(0);
}, 60_000);

function get(url: string, ca: Buffer): Promise<{ vehicles: Record<string, { isConnected: boolean }> }> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { ca, agent: false }, async (response) => {
      let text = '';
      for await (const chunk of response) text += chunk;
      resolve(JSON.parse(text));
    });
    sent.on('error', reject).end();
  });
}
