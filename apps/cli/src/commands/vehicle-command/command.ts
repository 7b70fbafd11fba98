// `fleetbridge command`: sends a vehicle command through the gateway, lists all of them, and shows what was sent.
import { isVin, normalizeVin } from '@fleetbridge/protocol';
import { loadConfig } from '@fleetbridge/service';
import { CommandAudit, TokenStore } from '@fleetbridge/store';
import { placesConfig } from '../../config.js';
import { columns } from '../../output/index.js';
import { hasApps } from '../../supervisor/index.js';
import { type Command, type Invocation, numberOption, UsageError } from '../command.js';
import { openLog } from '../log-access.js';
import { commandLines } from './command-list.js';
import { commandNames } from './command-names.js';
import { commandBody } from './parameters.js';

/** The gateway needs at most 10 seconds, and up to a minute to wake the vehicle. */
const TIME_LIMIT_MS = 90_000;

export const command: Command = {
  usage: '<VIN> <name> [key=value …] [--wake] [--gateway <URL>] | --list | log [--vin <VIN>] [--count <n>] [--json]',
  help: [
    '  <VIN> <name>   sends the command through the gateway, which needs COMMANDS=on; exit code 1 if it is not executed',
    '  log            shows the commands that were sent, the newest first: when, which token, outcome, calls to Tesla',
    '',
    '  --list            the commands with their parameters (*: required)',
    '  --wake            wakes the vehicle first, if it is asleep',
    '  --gateway <URL>   default http://127.0.0.1:<GATEWAY_PORT>, in containers http://gateway:8080',
    '  --vin <VIN>       log: of one vehicle',
    '  --count <n>       log: so many; default 20',
    '  --json            log: one JSON object per command',
    '',
    'A token for this one command is created before, and revoked afterwards.',
  ],
  actions: ['log'],
  options: {
    list: { type: 'boolean' },
    wake: { type: 'boolean' },
    gateway: { type: 'string' },
    vin: { type: 'string' },
    count: { type: 'string' },
    json: { type: 'boolean' },
  },
  async run({ positionals: [first, name, ...pairs], values, env, print }) {
    if (values.list === true) {
      for (const line of commandLines()) print(line);
      return 0;
    }
    if (first === 'log' && name === undefined) return await showLog(values, { env, print });
    if (first === undefined || name === undefined) throw new UsageError('expected: <VIN> <name>, --list, or log');
    const vin = vinOf(first);
    commandNames([name], 'command');
    const body = commandBody(name, pairs);
    const gateway = gatewayUrl(values, env);
    const log = await openLog(env, 'fleetbridge-command');
    try {
      const tokens = new TokenStore(log);
      const limits = { vin, scopes: ['command'], commands: [name, 'wake_up'] };
      const { token, grant } = await tokens.create({ ...limits, label: 'fleetbridge command', nowMs: Date.now() });
      try {
        const query = values.wake === true ? '?wake=true' : '';
        return await send(`${gateway}/api/1/vehicles/${vin}/command/${name}${query}`, { token, body, print });
      } finally {
        await tokens.revoke(grant.id);
      }
    } finally {
      log.close();
    }
  },
};

async function send(url: string, { token, body, print }: { token: string; body: string } & Pick<Invocation, 'print'>) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body,
    signal: AbortSignal.timeout(TIME_LIMIT_MS),
  }).catch((cause: Error & { cause?: { code?: string } }) => {
    const { origin } = new URL(url);
    const code = cause.cause?.code ?? cause.name;
    throw new Error(`the gateway does not answer at ${origin} (${code}); --gateway <URL> names it`, { cause });
  });
  const text = await response.text();
  const answer = parsed(text);
  const { result, reason, confirmed_by_telemetry: isConfirmed, state } = answer.response ?? {};
  if (response.ok && (result === true || state === 'online')) {
    print(isConfirmed === true ? 'executed, as telemetry shows' : state === 'online' ? 'online' : 'executed');
    return 0;
  }
  const facts = [reason, state, answer.error, answer.error_description].filter(
    (fact) => fact !== undefined && fact !== '',
  );
  print(`${response.status}: ${facts.length > 0 ? facts.join('; ') : text}`);
  return 1;
}

interface Answer {
  response?: { result?: unknown; reason?: string; confirmed_by_telemetry?: unknown; state?: string } | null;
  error?: string;
  error_description?: string;
}

function parsed(text: string): Answer {
  try {
    return (JSON.parse(text) as Answer | null) ?? {};
  } catch {
    return {};
  }
}

async function showLog(values: Invocation['values'], { env, print }: Pick<Invocation, 'env' | 'print'>) {
  const vin = typeof values.vin === 'string' ? vinOf(values.vin) : undefined;
  const count = numberOption(values, 'count', { min: 1, isWhole: true }) ?? 20;
  const log = await openLog(env, 'fleetbridge-command');
  try {
    const entries = await new CommandAudit(log).newest({ ...(vin && { vin }), count });
    const labels = new Map((await new TokenStore(log).list()).map(({ id, label }) => [`token:${id}`, label]));
    const rows = entries.map(({ atMs, ...entry }) => {
      const label = labels.get(entry.who) ?? entry.label;
      return { time: new Date(atMs).toISOString(), ...entry, ...(label && { label }) };
    });
    if (values.json === true) for (const row of rows) print(JSON.stringify(row));
    else if (rows.length === 0) print('no commands');
    else for (const line of table(rows)) print(line);
    return 0;
  } finally {
    log.close();
  }
}

interface LoggedCommand {
  time: string;
  vin: string;
  command: string;
  outcome: string;
  calls: number;
  who: string;
  label?: string;
}

function table(rows: readonly LoggedCommand[]): string[] {
  return columns(
    ['time', 'vehicle', 'command', 'outcome', 'calls', 'token'],
    rows.map(({ time, vin, command: name, outcome, calls, who, label }) => {
      return [time, vin, name, outcome, String(calls), [who, label].filter(Boolean).join(' ')];
    }),
  );
}

function gatewayUrl({ gateway }: Invocation['values'], env: Invocation['env']): string {
  const text = typeof gateway === 'string' ? gateway : ownGatewayUrl(env);
  if (URL.canParse(text) && /^https?:/.test(text)) return text.replace(/\/+$/, '');
  throw new UsageError(`--gateway: expected a URL such as https://gateway.example.com, got "${text}"`);
}

/** In a clone the gateway is on this machine; in compose it has a name of its own. */
function ownGatewayUrl(env: Invocation['env']): string {
  if (!hasApps()) return 'http://gateway:8080';
  return `http://127.0.0.1:${loadConfig(placesConfig, { env }).config.GATEWAY_PORT}`;
}

function vinOf(text: string): string {
  if (!isVin(text)) throw new UsageError(`expected a VIN, got "${text}"`);
  return normalizeVin(text);
}
