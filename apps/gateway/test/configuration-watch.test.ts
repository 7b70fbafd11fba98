// The watch in the gateway against the stand-in of Tesla: packages/tesla-setup tests when it sends, this one that one of
// two processes does.
import { ConfigurationStore } from '@fleetbridge/store';
import { loadApplicationKey } from '@fleetbridge/tesla-account';
import { applyConfiguration, writeWanted } from '@fleetbridge/tesla-setup';
import { expect } from 'vitest';
import { VIN } from './gateway-rig.js';
import { it } from './tesla-rig.js';

it('sends a configuration again that was removed, once by two processes', async ({ tesla, store }) => {
  await tesla.watch!.look();
  expect(tesla.api.calls.counts().get_config).toBeUndefined();

  await tesla.createKey();
  await tesla.signIn();
  tesla.api.pair('cars.example.com');
  const key = loadApplicationKey(tesla.keyFile)!.key;
  const configurations = new ConfigurationStore(store);
  const [hostname, port, ca] = ['telemetry.example.com', 4443, '-----BEGIN CERTIFICATE-----\nMII=\n'];
  const fields = { Soc: { interval_seconds: 60 } };
  const source = { kind: 'file', wanted: { fields } } as const;
  await writeWanted(configurations, VIN, { source, hostname, port, ca });
  const desired = { hostname, port, ca, fields, prefer_typed: true };
  const parts = { owner: tesla.owner, key, store: configurations, nowMs: Date.now };
  await applyConfiguration(parts, { vin: VIN, desired, replacesForeign: false });
  await tesla.owner.deleteConfiguration(VIN);

  const other = await tesla.startReplica();
  const before = tesla.api.calls.counts().create_config!;
  await Promise.all([tesla.watch!.look(), other.watch!.look(), tesla.watch!.look()]);
  await Promise.all([tesla.watch!.look(), other.watch!.look()]);
  expect(tesla.api.calls.counts().create_config).toBe(before + 1);
  expect(tesla.api.vehicle(VIN).config).toMatchObject({ fields, port });
});
