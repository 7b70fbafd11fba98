// `fleetbridge vehicle`: changes which vehicles may connect while ingest runs. Ingest reads the list every second.
import { isVin, normalizeVin } from '@fleetbridge/protocol';
import { AdmissionStore } from '@fleetbridge/store';
import { type Command, type Invocation, UsageError } from './command.js';
import { openLog } from './log-access.js';

export const vehicle: Command = {
  summary: 'allow and deny vehicles at run time',
  usage: 'allow <VIN>… | deny <VIN>… | list',
  help: [
    '  allow   allows these vehicles in addition to ALLOWED_VINS and ALLOWED_VINS_FILE',
    '  deny    closes their connections and rejects them, even if ALLOWED_VINS (including *) allows them',
    '  list    prints the vehicles allowed and denied with this command',
    '',
    'The latest allow or deny for a VIN wins. Changes take effect within seconds.',
  ],
  options: {},
  async run({ positionals: [action, ...vins], env, print }) {
    if (action !== 'allow' && action !== 'deny' && action !== 'list') {
      throw new UsageError('expected: allow <VIN>…, deny <VIN>…, or list');
    }
    if (action === 'list' && vins.length > 0) throw new UsageError(`unexpected argument "${vins[0]}"`);
    if (action !== 'list' && vins.length === 0) throw new UsageError(`${action}: expected a VIN`);
    const wrong = vins.find((vin) => !isVin(vin));
    if (wrong !== undefined) throw new UsageError(`expected a VIN, got "${wrong}"`);
    const log = await openLog(env, 'fleetbridge-vehicle');
    try {
      const store = new AdmissionStore(log);
      if (action === 'list') return await list(store, print);
      await store.set(vins, action);
      for (const vin of vins) print(`${action === 'allow' ? 'allowed' : 'denied'} ${normalizeVin(vin)}`);
      return 0;
    } finally {
      log.close();
    }
  },
};

async function list(store: AdmissionStore, print: Invocation['print']): Promise<number> {
  const { verdicts } = await store.read();
  if (verdicts.size === 0)
    print('no vehicles allowed or denied with this command (ALLOWED_VINS and ALLOWED_VINS_FILE are not listed)');
  for (const [vin, verdict] of verdicts) print(`${vin.padEnd(17)}  ${verdict}`);
  return 0;
}
