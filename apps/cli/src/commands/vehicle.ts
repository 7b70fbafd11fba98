// `fleetbridge vehicle`: changes which vehicles may connect while ingest runs. Ingest reads the list every second.
import { AdmissionStore, limitedVehicles, type Store } from '@fleetbridge/store';
import { columns } from '../output/index.js';
import { type Command, type Invocation, UsageError, unknownAction, vinArgument } from './command.js';
import { openLog } from './log-access.js';

const actions = ['allow', 'deny', 'unset', 'list', 'limited'] as const;
type Action = (typeof actions)[number];

export const vehicle: Command = {
  usage: 'allow <VIN>… | deny <VIN>… | unset <VIN>… | list [--json] | limited [--json]',
  help: [
    '  allow   allows these vehicles in addition to ALLOWED_VINS and ALLOWED_VINS_FILE',
    '  deny    closes their connections and rejects them, even if ALLOWED_VINS (including *) allows them',
    '  unset   removes what allow or deny set for them: ALLOWED_VINS and ALLOWED_VINS_FILE decide again',
    '  list    prints the vehicles allowed and denied with this command',
    '  limited prints the vehicles that were slowed down within a day: they send more than VEHICLE_BYTES_PER_MINUTE',
    '',
    '  --any   accepts a name that is no VIN, such as that of a simulated vehicle',
    '  --json  list, limited: one JSON object per vehicle',
    '',
    'The latest allow or deny for a VIN wins. Changes take effect within seconds.',
  ],
  actions,
  options: { any: { type: 'boolean' }, json: { type: 'boolean' } },
  async run({ positionals: [given, ...names], values, env, print }) {
    const action = actions.find((known) => known === given);
    if (action === undefined) {
      throw unknownAction(given, actions, 'allow <VIN>…, deny <VIN>…, unset <VIN>…, list, or limited');
    }
    const isList = action === 'list' || action === 'limited';
    if (isList && names.length > 0) throw new UsageError(`unexpected argument "${names[0]}"`);
    if (!isList && names.length === 0) throw new UsageError(`${action}: expected a VIN`);
    // an entry of an earlier version can be anything
    const vins = names.map((name) => vinArgument(name, action === 'unset' ? { any: true } : values));
    const log = await openLog(env, 'fleetbridge-vehicle');
    try {
      if (action === 'limited') return await listLimited(log, values, print);
      const store = new AdmissionStore(log);
      if (action === 'list') return await list(store, values, print);
      return await change(store, { action, vins, print });
    } finally {
      log.close();
    }
  },
};

interface Change {
  action: Exclude<Action, 'list' | 'limited'>;
  vins: readonly string[];
  print: Invocation['print'];
}

async function change(store: AdmissionStore, { action, vins, print }: Change): Promise<number> {
  if (action === 'unset') {
    const { verdicts } = await store.read();
    for (const vin of vins) {
      const verdict = verdicts.get(vin);
      if (verdict !== undefined) await store.withdraw(vin);
      print(
        verdict === undefined
          ? `${vin} is neither allowed nor denied with this command`
          : `unset ${vin} (was ${verdict})`,
      );
    }
    return vins.every((vin) => verdicts.has(vin)) ? 0 : 1;
  }
  await store.set(vins, action);
  for (const vin of vins) print(`${action === 'allow' ? 'allowed' : 'denied'} ${vin}`);
  return 0;
}

async function list(store: AdmissionStore, values: Invocation['values'], print: Invocation['print']): Promise<number> {
  const { verdicts } = await store.read();
  const all = [...verdicts];
  if (values.json) {
    for (const [vin, verdict] of all) print(JSON.stringify({ vin, verdict }));
  } else if (all.length === 0) {
    print('no vehicles allowed or denied with this command (ALLOWED_VINS and ALLOWED_VINS_FILE are not listed)');
  } else {
    for (const line of columns(['vin', 'verdict'], all)) print(line);
  }
  return 0;
}

const DAY_MS = 86_400_000;

async function listLimited(log: Store, values: Invocation['values'], print: Invocation['print']): Promise<number> {
  const all = await limitedVehicles(log, { withinMs: DAY_MS });
  const rows = all.map(({ vin, pausedMs }) => [vin, new Date(pausedMs).toISOString()]);
  if (values.json) {
    for (const [vin, limited] of rows) print(JSON.stringify({ vin, limited }));
  } else if (rows.length === 0) {
    print('no vehicle was slowed down within a day');
  } else {
    for (const line of columns(['vin', 'last slowed down'], rows)) print(line);
  }
  return 0;
}
