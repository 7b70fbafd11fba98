// Set-up with servers that lack or change parts of Tesla's answers.
import { ConfigurationStore } from '@fleetbridge/store';
import { describe, expect } from 'vitest';
import { compareWithTesla, desiredConfiguration, readVehicleConfiguration, writeSent } from '../src/index.js';
import { it, type SetupRig, VIN } from './rig.js';

function answer(rig: SetupRig, endpoint: Parameters<SetupRig['api']['faults']['add']>[0]['endpoint'], body: object) {
  rig.api.faults.add({ endpoint, times: 99, play: { kind: 'answer', status: 200, body: JSON.stringify(body) } });
}

const refused = { response: { synced: true, config: null } };
const report = (error: string, created_at: string) => ({ vin: VIN, error, error_name: 'e', name: 'n', created_at });

describe('set-up', () => {
  it('stays in the configured region of a server that does not name one', async ({ rig }) => {
    rig.api.faults.add({ endpoint: 'region', times: 99, play: { kind: 'answer', status: 404, error: 'not_found' } });
    expect((await rig.complete()).at(-1)).toMatchObject({ step: 'first_record' });
  });

  it('keeps the firmware that Tesla has named once, so that nothing is sent again without it', async ({ rig }) => {
    expect((await rig.complete()).at(-1)).toMatchObject({ step: 'first_record' });
    const { create_config } = rig.api.calls.counts();
    answer(rig, 'fleet_status', { response: { key_paired_vins: [VIN] } });
    expect((await rig.run()).at(-1)).toMatchObject({ step: 'first_record' });
    expect(rig.api.calls.counts()).toMatchObject({ create_config });
  });

  it('asks for the pairing of a vehicle that Tesla does not name', async ({ rig }) => {
    await rig.complete();
    answer(rig, 'fleet_status', { response: { key_paired_vins: [], vehicle_info: {} } });
    expect((await rig.run()).at(-1)).toMatchObject({ step: 'pairing', state: 'needed' });
  });

  it('does not keep a configuration as sent that updated no vehicle', async ({ rig, store }) => {
    answer(rig, 'create_config', { response: { updated_vehicles: 0 } });
    expect((await rig.complete()).at(-1)).toMatchObject({ step: 'configuration', problem: 'request_rejected' });
    expect((await readVehicleConfiguration(new ConfigurationStore(store), VIN)).sent).toBeUndefined();
  });
});

describe('a configuration that the vehicle has refused', () => {
  it.for([
    ['is reported also when the reason can not be read', undefined, 'configuration_refused'],
    [
      'has the newest reason',
      [report('x509', '2026-01-01T00:00:00Z'), report('NIST-P256', 'now')],
      'invalid_signature',
    ],
    ['has no reason of an earlier one', [report('x509', '2026-01-01T00:00:00Z')], 'configuration_refused'],
  ] as const)('%s', async ([, reports, problem], { rig, store }) => {
    await rig.complete();
    const configurations = new ConfigurationStore(store);
    const { sent } = await readVehicleConfiguration(configurations, VIN);
    await writeSent(configurations, VIN, { ...sent!, sentMs: Date.now() });
    // as wanted while it is compared, refused while it is waited for
    rig.api.faults.add({
      endpoint: 'get_config',
      after: 1,
      times: 99,
      play: { kind: 'answer', status: 200, body: JSON.stringify(refused) },
    });
    if (reports === undefined) {
      rig.api.faults.add({ endpoint: 'telemetry_errors', times: 99, play: { kind: 'answer', status: 400 } });
    } else {
      answer(rig, 'telemetry_errors', {
        response: reports.map((entry) => ({
          ...entry,
          created_at: entry.created_at === 'now' ? new Date().toISOString() : entry.created_at,
        })),
      });
    }
    expect((await rig.run()).at(-1)).toMatchObject({ step: 'sync', state: 'failed', problem });
  });
});

describe('a configuration whose answer was lost', () => {
  const destination = { hostname: 'telemetry.example.com', port: 4443, ca: 'of the server' };
  const economy = { source: { kind: 'profile', profile: 'economy' } } as const;
  const teslamate = { source: { kind: 'profile', profile: 'teslamate' } } as const;

  it.for([
    ['lose_answer', { kind: 'lose_answer' }, 'economy'],
    ['cut', { kind: 'cut' }, 'economy'],
    ['503', { kind: 'answer', status: 503 }, 'economy'],
    ['400', { kind: 'answer', status: 400, error: 'words' }, 'teslamate'],
  ] as const)('stays ours with %s', async ([, play, kept], { rig, store }) => {
    const configurations = new ConfigurationStore(store);
    await rig.complete(teslamate);
    rig.api.faults.add({ endpoint: 'create_config', play });
    expect((await rig.run(economy)).at(-1)).toMatchObject({ step: 'configuration', state: 'failed' });
    const { sent, wanted: keptWanted } = await readVehicleConfiguration(configurations, VIN);
    expect(keptWanted!.source).toEqual({ economy, teslamate }[kept].source);
    const { fields } = desiredConfiguration(
      { ...destination, ...{ economy, teslamate }[kept] },
      '2026.26.6',
    ).configuration;
    expect(Object.keys(sent!.configuration.fields)).toEqual(Object.keys(fields));
    const parts = { owner: rig.tesla.owner, store: configurations, nowMs: Date.now };
    for (const wanted of [economy, teslamate]) {
      const { configuration: desired } = desiredConfiguration({ ...destination, ...wanted }, '2026.26.6');
      expect(await compareWithTesla(parts, { vin: VIN, desired })).toMatchObject({ isForeign: false });
    }
    await rig.run(economy);
    expect((await readVehicleConfiguration(configurations, VIN)).sent!.configuration).toEqual(
      expect.objectContaining({ fields: rig.api.vehicle(VIN).config!.fields }),
    );
  });
});
