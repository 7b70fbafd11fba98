// `fleetbridge teslamate`: a client for TeslaMate, with everything to paste, and afterwards a check that it was here.
import { setTimeout as delay } from 'node:timers/promises';
import { isVin, normalizeVin } from '@fleetbridge/protocol';
import { loadConfig } from '@fleetbridge/service';
import { type ClientGrant, ClientStore, type ClientUse } from '@fleetbridge/store';
import { placesConfig } from '../../config.js';
import { hasApps } from '../../supervisor/index.js';
import { type Command, type Invocation, listOption, numberOption, UsageError } from '../command.js';
import { openLog } from '../log-access.js';
import { commandNames } from '../vehicle-command/index.js';

const POLL_MS = 1_000;
/** An older visit may be of a TeslaMate that is no longer configured like this. */
const RECENT_MS = 15 * 60_000;

export const teslamate: Command = {
  usage:
    'create [--vin <VIN>] [--label <text>] [--commands <names>] [--gateway <URL>] [--streaming <URL>] | check [<id>] [--wait <s>]',
  help: [
    '  create   creates a client and prints the environment block of TeslaMate and the two texts of its sign-in page, once',
    '  check    reports whether TeslaMate has signed in, polled and subscribed; exit code 1 if one of them is missing',
    '',
    '  --vin <VIN>         the client sees this vehicle only; default: all vehicles',
    '  --label <text>      a note that `token list` prints',
    '  --commands <a,b>    the client, such as TeslaMateApi, can send these vehicle commands too; `all` for all of them',
    '  --gateway <URL>     where TeslaMate reaches the gateway; default http://localhost:<GATEWAY_PORT>, in containers http://gateway:8080',
    '  --streaming <URL>   where it reaches the streaming server; default wss://localhost:<STREAMING_PORT>, or wss://streaming:8443',
    '  --wait <seconds>    check: waits so long for TeslaMate; default 0',
    '',
    'Without an id, `check` looks at the client that was created last. `fleetbridge token revoke <id>` ends a client.',
  ],
  options: {
    vin: { type: 'string' },
    label: { type: 'string' },
    commands: { type: 'string', multiple: true },
    gateway: { type: 'string' },
    streaming: { type: 'string' },
    wait: { type: 'string' },
  },
  async run({ positionals: [action, id, ...rest], values, env, print }) {
    if (rest.length > 0) throw new UsageError(`unexpected argument "${rest[0]}"`);
    const isKnown = action === 'check' || (action === 'create' && id === undefined);
    if (!isKnown) throw new UsageError('expected: create, or check [<id>]');
    const waitSeconds = numberOption(values, 'wait', { min: 0 }) ?? 0;
    const facts = action === 'create' ? newClient(values, env) : undefined;
    const log = await openLog(env, 'fleetbridge-teslamate');
    try {
      const clients = new ClientStore(log);
      if (facts === undefined) return await check(clients, { id, waitSeconds, print });
      return await create(clients, facts, { env, print });
    } finally {
      log.close();
    }
  },
};

interface NewClient {
  vin: string;
  label: string;
  gateway: string;
  streaming: string;
  /** Beyond reading. */
  limits: { scopes?: string[]; commands?: string[] };
}

function newClient(values: Invocation['values'], env: Invocation['env']): NewClient {
  const text = (name: string) => (typeof values[name] === 'string' ? values[name] : undefined);
  const vin = normalizeVin(text('vin') ?? '*');
  if (vin !== '*' && !isVin(vin)) throw new UsageError(`--vin: expected a VIN, got "${vin}"`);
  const usual = usualPlaces(env);
  return {
    vin,
    label: text('label') ?? 'TeslaMate',
    limits: commandLimits(values.commands),
    gateway: urlOf('gateway', text('gateway') ?? usual.gateway, /^https?:$/),
    streaming: urlOf('streaming', text('streaming') ?? usual.streaming, /^wss?:$/),
  };
}

function commandLimits(given: Invocation['values'][string]): NewClient['limits'] {
  const names = listOption(given);
  if (names.length === 0) return {};
  const scopes = ['stream', 'read', 'command'];
  return names.includes('all') ? { scopes } : { scopes, commands: commandNames(names, '--commands') };
}

/** Without a slash at the end: TeslaMate appends its paths. */
function urlOf(option: string, text: string, protocol: RegExp): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && protocol.test(url.protocol)) return text.replace(/\/+$/, '');
  throw new UsageError(
    `--${option}: expected a URL such as ${option === 'gateway' ? 'https' : 'wss'}://bridge.example.com, got "${text}"`,
  );
}

async function create(
  clients: ClientStore,
  { vin, label, gateway, streaming, limits }: NewClient,
  { print }: Pick<Invocation, 'env' | 'print'>,
): Promise<number> {
  const nowMs = Date.now();
  const { refreshToken, grant } = await clients.create({ vin, label, nowMs, ...limits });
  const minted = await clients.mint(refreshToken, nowMs);
  for (const line of [
    `Client ${grant.id} for ${vin === '*' ? 'all vehicles' : vin}.`,
    '',
    '1. Environment of TeslaMate. Remove TOKEN and other TESLA_ variables from it, and restart TeslaMate:',
    '',
    ...teslamateEnvironment({ gateway, streaming }).map((line) => `   ${line}`),
    '',
    '2. On its sign-in page paste (they are not shown again):',
    '',
    `   access token    ${minted?.accessToken ?? ''}`,
    `   refresh token   ${refreshToken}`,
    '',
    `3. Check that it polls and streams: fleetbridge teslamate check ${grant.id} --wait 60`,
  ]) {
    print(line);
  }
  return 0;
}

/** URLs at which TeslaMate reaches fleetbridge. */
export interface TeslamatePlaces {
  gateway: string;
  streaming: string;
}

/** On this machine, or in the network of compose. Throws ConfigError. */
export function usualPlaces(env: Invocation['env']): TeslamatePlaces {
  if (!hasApps()) return { gateway: 'http://gateway:8080', streaming: 'wss://streaming:8443' };
  const { GATEWAY_PORT, STREAMING_PORT } = loadConfig(placesConfig, { env }).config;
  return { gateway: `http://localhost:${GATEWAY_PORT}`, streaming: `wss://localhost:${STREAMING_PORT}` };
}

export function teslamateEnvironment({ gateway, streaming }: TeslamatePlaces): string[] {
  return [
    `TESLA_API_HOST=${gateway}`,
    `TESLA_AUTH_HOST=${gateway}`,
    'TESLA_AUTH_PATH=/oauth2/v3',
    `TESLA_WSS_HOST=${streaming}`,
    'TESLA_WSS_USE_VIN=true',
    ...(streaming.startsWith('wss:')
      ? ['TESLA_WSS_TLS_ACCEPT_INVALID_CERTS=true   # only with the generated certificate of fleetbridge']
      : []),
  ];
}

interface CheckOptions {
  id: string | undefined;
  waitSeconds: number;
  print: Invocation['print'];
}

async function check(clients: ClientStore, { id, waitSeconds, print }: CheckOptions): Promise<number> {
  const all = (await clients.list()).sort((a, b) => b.createdMs - a.createdMs);
  const client = id === undefined ? all[0] : all.find((one) => one.id === id);
  if (client === undefined) {
    print(id === undefined ? 'no client; create one with "fleetbridge teslamate create"' : `no client with id ${id}`);
    return 1;
  }
  const deadline = Date.now() + waitSeconds * 1_000;
  let steps = await stepsOf(clients, client);
  while (steps.some(({ isDone }) => !isDone) && Date.now() < deadline) {
    await delay(POLL_MS);
    steps = await stepsOf(clients, client);
  }
  print(`client ${client.id} (${client.label}), for ${client.vin === '*' ? 'all vehicles' : client.vin}`);
  for (const { isDone, text } of steps) print(`${isDone ? 'ok      ' : 'missing '} ${text}`);
  return steps.every(({ isDone }) => isDone) ? 0 : 1;
}

const remedies: Readonly<Record<ClientUse, string>> = {
  sign_in: 'has not signed in; set TESLA_AUTH_HOST and TESLA_AUTH_PATH, restart TeslaMate, paste both tokens',
  poll: 'does not poll; set TESLA_API_HOST and restart TeslaMate',
  stream:
    'does not stream; set TESLA_WSS_HOST and TESLA_WSS_USE_VIN. A sleeping car is not streamed: try while it is awake',
};
const done: Readonly<Record<ClientUse, string>> = { sign_in: 'signed in', poll: 'polls', stream: 'streams' };

async function stepsOf(clients: ClientStore, { id }: ClientGrant) {
  const uses = await clients.uses(id);
  return (Object.keys(remedies) as ClientUse[]).map((use) => {
    const atMs = uses[use];
    // a sign-in is refreshed every six hours
    const isDone = atMs !== undefined && (use === 'sign_in' || Date.now() - atMs < RECENT_MS);
    if (isDone) return { isDone, text: `${done[use]} (${new Date(atMs).toISOString()})` };
    const last = atMs === undefined ? '' : `; last ${new Date(atMs).toISOString()}`;
    return { isDone, text: `TeslaMate ${remedies[use]}${last}` };
  });
}
