import { expect } from 'vitest';
import { Store } from '../redis/store.js';
import { it } from '../testing/index.js';
import { AdmissionStore } from './admission-store.js';

it('keeps the latest verdict on a VIN, in capitals, and changes its version with each change', async ({ store }) => {
  const admission = new AdmissionStore(store);
  expect(await admission.read()).toEqual({ version: '', verdicts: new Map() });
  expect(await admission.version()).toBe('');

  await admission.set(['vin-b', 'VIN-A'], 'allow');
  const first = await admission.version();
  expect(first).not.toBe('');
  await admission.set(['VIN-B'], 'deny');
  const { version, verdicts } = await admission.read();
  expect(version).not.toBe(first);
  expect(version).toBe(await admission.version());
  expect([...verdicts]).toEqual([
    ['VIN-A', 'allow'],
    ['VIN-B', 'deny'],
  ]);
});

it('is separate per namespace', async ({ store }) => {
  const other = new Store({ redis: store.redis, url: store.url, namespace: `${store.namespace}-other`, partitions: 1 });
  await new AdmissionStore(store).set(['A'], 'allow');
  expect((await new AdmissionStore(other).read()).verdicts.size).toBe(0);
});
