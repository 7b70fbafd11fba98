// `fleetbridge config diff`, `apply` and `delete`: the telemetry configuration at Tesla as desired state.
import { join } from 'node:path';
import { problems } from '@fleetbridge/fleet-api';
import { loadConfig } from '@fleetbridge/service';
import { ConfigurationStore, type Store } from '@fleetbridge/store';
import { checkConfiguration, type Difference } from '@fleetbridge/telemetry-config';
import {
  applicationKeyFile,
  connectTesla,
  loadApplicationKey,
  TeslaAccountError,
  type TeslaConnection,
} from '@fleetbridge/tesla-account';
import {
  applyWanted,
  compareWithTesla,
  desiredConfiguration,
  type FieldsSource,
  firmwareOfVehicle,
  knownRoots,
  listVehicleConfigurations,
  rememberFirmware,
  removeConfiguration,
  servedChain,
  type WantedConfiguration,
  withRenewedAuthorities,
} from '@fleetbridge/tesla-setup';
import { setupConfig } from '../../config.js';
import { type Invocation, listOption, UsageError, vinArgument } from '../command.js';
import { openLog } from '../log-access.js';

export type ConfigurationAction = 'diff' | 'apply' | 'delete';

/** Exit code 1: `diff` has found a difference, or a vehicle did not get its configuration. Rejects with errors of Tesla. */
export async function changeConfigurations(
  invocation: Invocation,
  { action, source }: { action: ConfigurationAction; source: FieldsSource | undefined },
): Promise<number> {
  const { env, values } = invocation;
  const { config } = loadConfig(setupConfig, { env });
  const named = listOption(values.vin).map((vin) => vinArgument(vin, values, '--vin'));
  if (action === 'delete' && named.length === 0) throw new UsageError('delete: name the vehicle with --vin <VIN>');
  const log = await openLog(env, 'fleetbridge-config');
  try {
    const owner = `config-${process.pid}`;
    const tesla = await connectTesla({ store: log, dataDirectory: config.DATA_DIR, settings: config, owner });
    const place: Place = { log, tesla, dataDirectory: config.DATA_DIR, invocation };
    const known = await listVehicleConfigurations(new ConfigurationStore(log));
    const vins = named.length > 0 ? named : [...known].flatMap(([vin, { wanted }]) => (wanted ? [vin] : []));
    if (vins.length === 0) throw new Error('no vehicle is set up; run fleetbridge setup first');
    let code = 0;
    for (const vin of vins) {
      const wanted = known.get(vin)?.wanted;
      code = Math.max(code, await change(place, { vin, wanted, action, source }));
    }
    return code;
  } finally {
    log.close();
  }
}

interface Place {
  log: Store;
  tesla: TeslaConnection;
  dataDirectory: string;
  invocation: Invocation;
}

interface Change {
  vin: string;
  wanted: WantedConfiguration | undefined;
  action: ConfigurationAction;
  source: FieldsSource | undefined;
}

async function change(place: Place, { vin, wanted: known, action, source }: Change): Promise<number> {
  if (action === 'delete') return await remove(place, vin);
  if (known === undefined) throw new Error(`${vin} is not set up; run fleetbridge setup --vin ${vin} first`);
  const { log, tesla, dataDirectory, invocation } = place;
  const chain = { servedChain, knownRoots: knownRoots(dataDirectory), nowMs: Date.now };
  const wanted = await withRenewedAuthorities(source === undefined ? known : { ...known, source }, chain);
  const { configuration: desired, leftOut } = desiredConfiguration(wanted, await firmwareOf(place, vin));
  const [mistake] = checkConfiguration(desired, { nowSeconds: Math.floor(Date.now() / 1_000) });
  if (mistake !== undefined) throw new Error(`${mistake.path}: ${mistake.problem}; ${mistake.remedy}`);
  const store = new ConfigurationStore(log);
  const parts = { owner: tesla.owner, store, nowMs: Date.now };
  if (action === 'diff') {
    const { differences, isForeign, state } = await compareWithTesla(parts, { vin, desired });
    report(invocation, { vin, differences, isForeign, isSynced: state.synced, leftOut });
    return differences.length === 0 ? 0 : 1;
  }
  const key = keyOf(dataDirectory);
  const replacesForeign = invocation.values.yes === true;
  const applied = await applyWanted({ ...parts, key }, { vin, wanted, desired, replacesForeign });
  const differences = 'differences' in applied ? applied.differences : [];
  const skipped =
    applied.kind === 'skipped'
      ? { problem: applied.problem, reason: applied.reason, ...problems[applied.problem] }
      : undefined;
  report(invocation, { vin, result: applied.kind, differences, leftOut, ...skipped });
  return applied.kind === 'sent' || applied.kind === 'unchanged' ? 0 : 1;
}

async function remove({ tesla, log, invocation }: Place, vin: string): Promise<number> {
  await removeConfiguration({ owner: tesla.owner, store: new ConfigurationStore(log) }, vin);
  report(invocation, { vin, result: 'deleted', differences: [] });
  return 0;
}

function keyOf(dataDirectory: string) {
  const file = applicationKeyFile(join(dataDirectory, 'tesla'));
  const pair = loadApplicationKey(file);
  if (pair === undefined) throw new TeslaAccountError('application_key_not_valid', { file });
  return pair.key;
}

async function firmwareOf({ log, tesla }: Place, vin: string): Promise<string> {
  const [status] = await tesla.owner.fleetStatus([vin]);
  const configurations = new ConfigurationStore(log);
  await rememberFirmware(configurations, { vin, fleetStatus: status?.firmware });
  return await firmwareOfVehicle({ store: log, configurations }, { vin, fleetStatus: status?.firmware });
}

interface Report {
  vin: string;
  result?: 'unchanged' | 'foreign' | 'skipped' | 'sent' | 'deleted';
  differences: readonly Difference[];
  isForeign?: boolean;
  isSynced?: boolean;
  leftOut?: readonly { field: string; key?: string; needs: string }[];
  problem?: string;
  /** Tesla's word. */
  reason?: string;
  meaning?: string;
  remedy?: string;
}

const sentences: Readonly<Record<NonNullable<Report['result']>, string>> = {
  unchanged: 'is as wanted; nothing was sent',
  foreign: 'has a configuration that was not sent from here; replace it with --yes',
  skipped: 'is skipped by Tesla',
  sent: 'was sent its configuration; it takes effect when the vehicle is awake',
  deleted: 'has no configuration any more',
};

function report({ print, values }: Invocation, found: Report): void {
  const { vin, result, differences, isForeign, isSynced, leftOut = [], reason, meaning, remedy } = found;
  if (values.json === true) {
    print(JSON.stringify(found));
    return;
  }
  if (result !== undefined) print(`${vin} ${sentences[result]}`);
  if (meaning !== undefined) print(`  ${reason}: ${meaning} ${remedy}`);
  if (result === undefined) print(`${vin}: ${differences.length === 0 ? 'as wanted' : 'differs from what is wanted'}`);
  for (const { path, wanted, stored } of differences)
    print(`  ${path || 'configuration'}: ${short(stored)} → ${short(wanted)}`);
  for (const { field, key, needs } of leftOut) print(`  left out: ${field}${key ? ` ${key}` : ''} (needs ${needs})`);
  if (isSynced === false) print('  the vehicle does not have it yet: it must be awake');
  if (isForeign === true) print('  the configuration at Tesla was not sent from here');
}

function short(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
