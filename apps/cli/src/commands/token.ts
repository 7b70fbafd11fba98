// `fleetbridge token`: who may listen. Redis holds hashes only, so a token is shown once, when it is made.
import { type TokenGrant, TokenStore } from '@fleetbridge/record-log';
import { type Command, type Invocation, UsageError } from '../command.js';
import { openLog } from '../log-access.js';

export const token: Command = {
  summary: 'create, list and revoke tokens of the streaming server',
  usage: 'create [--vin <VIN>] [--label <text>] | list | revoke <id>',
  help: [
    '  create   makes a token and prints it, once; with --vin it is good for that vehicle only',
    '  list     ids, vehicles, labels and dates; never the tokens themselves',
    '  revoke   ends a token by its id',
  ],
  options: { vin: { type: 'string' }, label: { type: 'string' } },
  async run({ positionals: [action, id, ...rest], values, env, print }) {
    if (rest.length > 0) throw new UsageError(`unexpected argument "${rest[0]}"`);
    const isKnown =
      action === 'create' || action === 'list' ? id === undefined : action === 'revoke' && id !== undefined;
    if (!isKnown) throw new UsageError('expected: create, list, or revoke <id>');
    const log = await openLog(env, 'fleetbridge-token');
    try {
      const store = new TokenStore(log);
      if (action === 'create') return await create(store, values, print);
      if (action === 'list') return await list(store, print);
      return await revoke(store, id!, print);
    } finally {
      log.redis.disconnect();
    }
  },
};

async function create(store: TokenStore, values: Invocation['values'], print: Invocation['print']): Promise<number> {
  const vin = typeof values.vin === 'string' ? values.vin.toUpperCase() : '*';
  if (vin !== '*' && !/^[A-Z0-9-]{1,64}$/.test(vin)) throw new UsageError(`--vin: expected a VIN, got "${vin}"`);
  const label = typeof values.label === 'string' ? values.label : '';
  const { token, grant } = await store.create({ vin, label, nowMs: Date.now() });
  print(token);
  print(`id ${grant.id}, for ${vehicleOf(grant)}. It is not shown again.`);
  return 0;
}

async function list(store: TokenStore, print: Invocation['print']): Promise<number> {
  const grants = await store.list();
  if (grants.length === 0) print('no tokens; BRIDGE_TOKEN is not listed here');
  for (const grant of grants) {
    print(`${grant.id}  ${vehicleOf(grant).padEnd(17)}  ${new Date(grant.createdMs).toISOString()}  ${grant.label}`);
  }
  return 0;
}

async function revoke(store: TokenStore, id: string, print: Invocation['print']): Promise<number> {
  if (await store.revoke(id)) {
    print(`revoked ${id}`);
    return 0;
  }
  print(`no token has the id ${id}; see fleetbridge token list`);
  return 1;
}

function vehicleOf({ vin }: TokenGrant): string {
  return vin === '*' ? 'all vehicles' : vin;
}
