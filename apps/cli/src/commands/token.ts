// `fleetbridge token`: access tokens of the streaming server. Redis stores only hashes, so a token is shown once, when it is
// created. A Tesla account is trusted by its id (`sub`), which is read from one of its tokens; signatures are verified by
// the streaming server when a token is used.

import { text } from 'node:stream/consumers';
import { parseScopes, type Scope } from '@fleetbridge/access';
import { type TokenGrant, TokenStore } from '@fleetbridge/store';
import { columns } from '../output/index.js';
import { type Command, type Invocation, listOption, UsageError, unknownAction, vinArgument } from './command.js';
import { openLog } from './log-access.js';
import { commandNames } from './vehicle-command/index.js';

const actions = ['create', 'trust', 'list', 'revoke'];

export const token: Command = {
  usage:
    'create [--vin <VIN>] [--label <text>] [--scope <scopes>] [--commands <names>] | trust <JWT | -> [--vin <VIN>] | list [--json] | revoke <id>',
  help: [
    '  create   creates a token and prints it once; with --vin it is valid for that vehicle only',
    '  trust    accepts all access tokens of the Tesla account to which this token belongs (-: read it from stdin).',
    '           TeslaMate sends these tokens when it polls the Fleet API itself. Only the account id is stored',
    '  list     prints ids, vehicles, labels and creation dates, but not the tokens',
    '  revoke   revokes a token, or the trust in an account, by its id; open connections are closed within 5 seconds',
    '',
    '  --vin <VIN>      restrict the token or the account to one vehicle; default: all vehicles',
    '  --any            accept a --vin that is no VIN, such as that of a simulated vehicle',
    '  --label <text>   a note that list prints',
    '  --scope <a,b>    create: stream, read, command, admin; default: stream and read. Vehicle commands need command',
    '  --commands <a,b> create: with the scope command, only these vehicle commands; default: all commands',
    '  --json           list: one JSON object per token',
  ],
  actions,
  options: {
    vin: { type: 'string' },
    label: { type: 'string' },
    scope: { type: 'string', multiple: true },
    commands: { type: 'string', multiple: true },
    any: { type: 'boolean' },
    json: { type: 'boolean' },
  },
  async run({ positionals: [action, id, ...rest], values, env, print }) {
    if (rest.length > 0) throw new UsageError(`unexpected argument "${rest[0]}"`);
    const isKnown =
      action === 'create' || action === 'list'
        ? id === undefined
        : (action === 'revoke' || action === 'trust') && id !== undefined;
    if (!isKnown) {
      throw unknownAction(action, actions, 'create, trust <JWT>, list, or revoke <id>');
    }
    const account = action === 'trust' ? accountOf(id === '-' ? (await text(process.stdin)).trim() : id!) : '';
    if (action !== 'create' && (values.scope ?? values.commands) !== undefined) {
      throw new UsageError('--scope and --commands are options of create');
    }
    const grant = newGrant(values);
    const limits = limitsOf(values);
    const log = await openLog(env, 'fleetbridge-token');
    try {
      const store = new TokenStore(log);
      if (action === 'create') return await create(store, { ...grant, ...limits }, print);
      if (action === 'trust') return await trust(store, { account, ...grant }, print);
      if (action === 'list') return await list(store, values, print);
      return await revoke(store, id!, print);
    } finally {
      log.close();
    }
  },
};

async function create(store: TokenStore, given: NewGrant & Limits, print: Invocation['print']): Promise<number> {
  const { token, grant } = await store.create(given);
  print(token);
  print(`id ${grant.id}, for ${[vehicleOf(grant), ...limitsText(grant)].join(', ')}. The token is not shown again.`);
  return 0;
}

async function trust(
  store: TokenStore,
  given: NewGrant & { account: string },
  print: Invocation['print'],
): Promise<number> {
  const grant = await store.trust(given);
  print(`id ${grant.id}, for ${vehicleOf(grant)}: tokens of the Tesla account ${given.account} are accepted`);
  return 0;
}

interface NewGrant {
  vin: string;
  label: string;
  nowMs: number;
}

function newGrant(values: Invocation['values']): NewGrant {
  const vin = typeof values.vin === 'string' && values.vin !== '*' ? vinArgument(values.vin, values, '--vin') : '*';
  return { vin, label: typeof values.label === 'string' ? values.label : '', nowMs: Date.now() };
}

interface Limits {
  scopes?: Scope[];
  commands?: string[];
}

function limitsOf(values: Invocation['values']): Limits {
  const scopeTexts = listOption(values.scope);
  const commands = commandNames(listOption(values.commands), '--commands');
  const scopes = scopeTexts.length === 0 ? undefined : scopesOf(scopeTexts);
  if (commands.length > 0 && !scopes?.includes('command')) {
    throw new UsageError('--commands: the token needs --scope command, or --scope read,command to read too');
  }
  return { ...(scopes && { scopes }), ...(commands.length > 0 && { commands }) };
}

function scopesOf(texts: readonly string[]): Scope[] {
  try {
    return parseScopes(texts);
  } catch (error) {
    if (error instanceof RangeError) throw new UsageError(`--scope: ${error.message}`);
    throw error;
  }
}

function limitsText({ scopes, commands }: Pick<TokenGrant, 'scopes' | 'commands'>): string[] {
  return [...(scopes ? [`scopes ${scopes.join(' ')}`] : []), ...(commands ? [`commands ${commands.join(' ')}`] : [])];
}

/** The `sub` of a token with an issuer of Tesla. */
function accountOf(token: string): string {
  let claims: { sub?: unknown; iss?: unknown };
  try {
    claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) ?? {};
  } catch {
    throw new UsageError('expected an access token from Tesla: three parts separated by dots');
  }
  const { sub, iss } = claims;
  const isFromTesla = typeof iss === 'string' && /^https:\/\/[\w.-]+\.tesla\.(com|cn)\//.test(iss);
  if (!isFromTesla) throw new UsageError('the token was not issued by Tesla (iss)');
  if (typeof sub !== 'string' || sub === '') throw new UsageError('the token has no account id (sub)');
  return sub;
}

async function list(store: TokenStore, values: Invocation['values'], print: Invocation['print']): Promise<number> {
  const grants = await store.list();
  if (values.json) {
    for (const { id, vin, label, createdMs, account, scopes, commands } of grants) {
      const created = new Date(createdMs).toISOString();
      print(JSON.stringify({ id, vin, label, created, account: account ?? null, scopes, commands }));
    }
    return 0;
  }
  if (grants.length === 0) {
    print('no tokens (BRIDGE_TOKEN is not listed)');
    return 0;
  }
  const rows = grants.map((grant) => {
    const what = [
      grant.account === undefined ? '' : `Tesla account ${grant.account}`,
      grant.label,
      ...limitsText(grant),
    ];
    return [grant.id, vehicleOf(grant), new Date(grant.createdMs).toISOString(), what.filter(Boolean).join('  ')];
  });
  for (const line of columns(['id', 'vehicle', 'created', 'label'], rows)) print(line);
  return 0;
}

async function revoke(store: TokenStore, id: string, print: Invocation['print']): Promise<number> {
  if (await store.revoke(id)) {
    print(`revoked ${id}`);
    return 0;
  }
  print(`no token with id ${id}; see "fleetbridge token list"`);
  return 1;
}

function vehicleOf({ vin }: TokenGrant): string {
  return vin === '*' ? 'all vehicles' : vin;
}
