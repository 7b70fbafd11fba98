// Set-up with servers that lack or change parts of Tesla's answers.
import { ConfigurationStore } from '@fleetbridge/store';
import { describe, expect } from 'vitest';
import { readVehicleConfiguration, writeSent } from '../src/index.js';
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

  it('does not take a configuration as sent that updated no vehicle', async ({ rig, store }) => {
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
