// The watch of telemetry configurations against the stand-in of Tesla, with a clock of the test.
import { createAuthority } from '@fleetbridge/pki';
import { ConfigurationStore, type Store } from '@fleetbridge/store';
import { applicationKeyFile, loadApplicationKey } from '@fleetbridge/tesla-account';
import { describe, expect } from 'vitest';
import {
  applyConfiguration,
  readVehicleConfiguration,
  type Watched,
  type WatchParts,
  watchedVehicles,
  watchVehicle,
  writeWanted,
} from '../src/index.js';
import { it, type SetupRig, VIN } from './rig.js';

const HOUR = 3_600_000;

interface Watch {
  /** Looks at each vehicle, at this many hours after the set-up. */
  at(hours: number): Promise<Watched[]>;
  parts: WatchParts;
  quietSinceMs: number | undefined;
}

async function startWatch(rig: SetupRig, store: Store): Promise<Watch> {
  await rig.complete();
  const startedMs = Date.now();
  const configurations = new ConfigurationStore(store);
  const served = await rig.servedChain();
  const watch: Watch = {
    quietSinceMs: undefined,
    parts: {
      owner: rig.tesla.owner,
      key: loadApplicationKey(applicationKeyFile(`${rig.dataDirectory}/tesla`))!.key,
      store: configurations,
      chain: { servedChain: () => Promise.resolve(served), knownRoots: served, nowMs: Date.now },
      nowMs: () => startedMs,
      quietSinceMs: () => Promise.resolve(watch.quietSinceMs),
    },
    async at(hours) {
      const parts = { ...watch.parts, nowMs: () => startedMs + hours * HOUR };
      const results: Watched[] = [];
      for (const vehicle of await watchedVehicles(configurations)) results.push(await watchVehicle(parts, vehicle));
      return results;
    },
  };
  return watch;
}

const left = [{ kind: 'left' }];

describe('a configuration that was sent from here', () => {
  it('is looked at four times a day, and left as it is', async ({ rig, store }) => {
    const watch = await startWatch(rig, store);
    const before = rig.api.calls.counts();
    for (let hour = 0; hour < 24; hour++) expect(await watch.at(hour)).toEqual(left);
    const after = rig.api.calls.counts();
    expect(after.get_config! - before.get_config!).toBe(4);
    expect(after.create_config).toBe(before.create_config);
  });

  it('is sent again after it was removed, at most three times a day', async ({ rig, store }) => {
    const watch = await startWatch(rig, store);
    const { fields } = rig.api.vehicle(VIN).config!;
    const sentAt: number[] = [];
    for (let hour = 0; hour < 24; hour++) {
      await rig.tesla.owner.deleteConfiguration(VIN);
      const [result] = await watch.at(hour);
      if (result!.kind === 'sent_again') sentAt.push(hour);
      if (result!.kind === 'sent_again') expect(rig.api.vehicle(VIN).config).toMatchObject({ fields });
    }
    expect(sentAt).toEqual([0, 6, 12]);
  });

  it('is sent again with the CA that signs the certificate of the server now', async ({ rig, store }) => {
    const watch = await startWatch(rig, store);
    const { certificatePem } = createAuthority({ commonName: 'new root', days: 30 });
    watch.parts = {
      ...watch.parts,
      chain: { servedChain: () => Promise.resolve([certificatePem]), knownRoots: [], nowMs: Date.now },
    };
    expect(await watch.at(1)).toEqual([{ kind: 'sent_again', reason: 'server_untrusted' }]);
    expect(rig.api.vehicle(VIN).config!.ca).toBe(certificatePem);
    expect(await watch.at(8)).toEqual(left);
  });

  it('is sent again before its end, and to a connected vehicle that has become quiet', async ({ rig, store }) => {
    const watch = await startWatch(rig, store);
    watch.quietSinceMs = Date.now() - HOUR;
    expect(await watch.at(0)).toEqual([{ kind: 'sent_again', reason: 'quiet' }]);
    watch.quietSinceMs = undefined;
    const { wanted, sent } = await readVehicleConfiguration(watch.parts.store, VIN);
    const exp = Math.floor(Date.now() / 1_000) + 8 * 86_400;
    await writeWanted(watch.parts.store, VIN, { ...wanted!, exp });
    await applyConfiguration(watch.parts, {
      vin: VIN,
      desired: { ...sent!.configuration, exp },
      replacesForeign: false,
    });
    expect(await watch.at(6)).toEqual(left);
    expect(await watch.at(30)).toEqual([{ kind: 'sent_again', reason: 'expires' }]);
    expect(rig.api.vehicle(VIN).config!.exp).toBeGreaterThan(exp);
  });

  it('is never sent after a limit, until a person does', async ({ rig, store }) => {
    const watch = await startWatch(rig, store);
    await rig.api.changeAccount({ isLimitReached: true });
    expect(await watch.at(0)).toEqual([{ kind: 'problem', problem: 'limit_reached', isFinal: true }]);
    await rig.api.changeAccount({ isLimitReached: false });
    const before = rig.api.calls.counts().create_config;
    expect(await watch.at(24)).toEqual([{ kind: 'held_back', reason: 'removed' }]);
    expect(rig.api.calls.counts().create_config).toBe(before);
    await rig.run();
    expect(await watch.at(48)).toEqual(left);
    await rig.tesla.owner.deleteConfiguration(VIN);
    expect(await watch.at(54)).toEqual([{ kind: 'sent_again', reason: 'removed' }]);
  });

  it('is left while Tesla can not be reached, and looked at again', async ({ rig, store }) => {
    const watch = await startWatch(rig, store);
    rig.api.faults.add({ endpoint: 'get_config', play: { kind: 'answer', status: 400, error: 'words' } });
    expect(await watch.at(0)).toEqual([{ kind: 'problem', problem: 'request_rejected', isFinal: false }]);
    expect(await watch.at(6)).toEqual(left);
  });
});

it("never replaces another program's configuration", async ({ rig, store }) => {
  const watch = await startWatch(rig, store);
  const { sent } = await readVehicleConfiguration(watch.parts.store, VIN);
  const foreign = { ...sent!.configuration, port: 4444 };
  await watch.parts.owner.createConfiguration({ vins: [VIN], claims: foreign, key: watch.parts.key });
  watch.quietSinceMs = Date.now() - HOUR;
  expect(await watch.at(0)).toEqual([{ kind: 'foreign' }]);
  expect(rig.api.vehicle(VIN).config!.port).toBe(4444);
});
