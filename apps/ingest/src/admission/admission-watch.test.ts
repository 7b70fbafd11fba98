import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createLogger } from '@fleetbridge/service';
import { afterAll, expect, it } from 'vitest';
import { AdmissionWatch } from './admission-watch.js';

const folder = mkdtempSync(join(tmpdir(), 'fleetbridge-admission-'));
const file = join(folder, 'vins.txt');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('does not watch the file when it is stopped during its start', async () => {
  writeFileSync(file, '5YJ3E1EA7KF000001\n');
  const admission = new AdmissionWatch({
    allowedVins: [],
    file,
    store: { read: unreachable, version: unreachable, restore: unreachable },
    log: createLogger({ name: 'test', level: 'silent' }),
    onChange: () => {},
    pollMs: 5,
  });
  const stopping = new AbortController();
  const started = admission.start(stopping.signal);
  stopping.abort();
  admission.stop();
  await started;
  writeFileSync(file, '5YJ3E1EA7KF000002\n');
  await delay(100);
  expect(admission.isAdmitted('5YJ3E1EA7KF000002')).toBe(false);
});

function unreachable(): Promise<never> {
  return Promise.reject(new Error('Redis is unreachable'));
}
