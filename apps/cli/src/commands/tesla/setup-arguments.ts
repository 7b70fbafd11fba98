// Options of `setup`, in place of answers. Each can come from the environment too (docs/configuration.md); secrets are
// never options, because other users of the machine see the arguments of a process.
import { readFileSync } from 'node:fs';
import { isVehicleVin, normalizeVin } from '@fleetbridge/protocol';
import type { SetupOptions } from '@fleetbridge/tesla-setup';
import type { SetupConfig } from '../../config.js';
import { hasApps } from '../../supervisor/index.js';
import { type Command, type Invocation, listOption, numberOption, UsageError, vinArgument } from '../command.js';
import { sourceArgument } from '../telemetry/index.js';

const WAIT_SECONDS = 600;
const REDIRECT_URI = 'http://localhost:3000/callback';

export const setupHelp: Command['help'] = [
  'Each step detects that it is done: run the same command again after an interruption. Nothing is unpaired, and an existing',
  'application key is never replaced. docs/setup.md describes the whole way.',
  '',
  '  --check               reports each step, and changes nothing',
  '  --yes                 asks nothing: what is missing is named, and the command ends with exit code 1',
  '  --json                one JSON object per line; asks nothing',
  '  --domain <name>       the domain that is registered with Tesla; default DOMAIN',
  '  --client-id <id>      of the application; default TESLA_CLIENT_ID. The secret: TESLA_CLIENT_SECRET, or its _FILE',
  '  --key-file <file>     the private key of the application, if there is one already; default TESLA_KEY_FILE',
  '  --new-key             makes another key although the domain serves one: every vehicle must be paired again',
  '  --commands            asks Tesla to allow vehicle commands too; always with COMMANDS=on',
  '  --sign-in             signs in again, such as with another account',
  `  --redirect-uri <URI>  as on developer.tesla.com; default ${REDIRECT_URI}`,
  '  --redirect-url <URL>  the address at which the browser ended; default TESLA_REDIRECT_URL',
  '  --listen              waits for the browser at the redirect URI, which leads to this machine',
  '  --vin <VIN>           this vehicle; can be repeated. Default: all, or a choice',
  '  --profile <name>      teslamate, economy, home-assistant, or a JSON file with fields; default teslamate',
  '  --telemetry-host <name>, --port <n>  where vehicles connect; default TELEMETRY_HOST or the domain, and INGEST_PORT',
  '  --ca-file <PEM>       the chain that signs the certificate of ingest; default: found out',
  `  --wait <seconds>      for sign-in, pairing, the vehicle, the first record; default ${WAIT_SECONDS}`,
  '  --remove <VIN>        ends the telemetry of a vehicle',
];

export const setupOptions: Command['options'] = {
  check: { type: 'boolean' },
  yes: { type: 'boolean' },
  json: { type: 'boolean' },
  domain: { type: 'string' },
  'client-id': { type: 'string' },
  'key-file': { type: 'string' },
  'new-key': { type: 'boolean' },
  commands: { type: 'boolean' },
  'sign-in': { type: 'boolean' },
  'redirect-uri': { type: 'string' },
  'redirect-url': { type: 'string' },
  listen: { type: 'boolean' },
  vin: { type: 'string', multiple: true },
  profile: { type: 'string' },
  'telemetry-host': { type: 'string' },
  port: { type: 'string' },
  'ca-file': { type: 'string' },
  wait: { type: 'string' },
  remove: { type: 'string' },
};

export interface SetupArguments {
  readonly options: SetupOptions;
  readonly isInteractive: boolean;
  readonly remove: string | undefined;
}

/** Throws `UsageError`. */
export function readSetupArguments({ values, positionals }: Invocation, config: SetupConfig): SetupArguments {
  if (positionals.length > 0) throw new UsageError(`unexpected argument "${positionals[0]}"`);
  const text = (name: string) => (typeof values[name] === 'string' ? values[name] : undefined);
  const port = numberOption(values, 'port', { min: 1, isWhole: true }) ?? config.INGEST_PORT;
  const waitSeconds = numberOption(values, 'wait', { min: 0 }) ?? WAIT_SECONDS;
  const isScript = values.yes === true || values.json === true || values.check === true;
  const isInteractive = !isScript && process.stdin.isTTY === true && process.stdout.isTTY === true;
  const domain = text('domain') ?? config.DOMAIN;
  const telemetryHost = text('telemetry-host') ?? config.TELEMETRY_HOST;
  const caFile = text('ca-file');
  const remove = text('remove');
  return {
    isInteractive,
    remove: remove === undefined ? undefined : vinArgument(remove, values, '--remove'),
    options: {
      dataDirectory: config.DATA_DIR,
      domain,
      telemetryHost,
      port,
      servers: serversOf(port, config.INGEST_PORT, telemetryHost ?? domain),
      clientId: text('client-id') ?? config.TESLA_CLIENT_ID,
      clientSecret: config.TESLA_CLIENT_SECRET?.reveal(),
      keyFile: text('key-file') ?? config.TESLA_KEY_FILE,
      isNewKey: values['new-key'] === true,
      hasCommands: values.commands === true || config.COMMANDS,
      isSignInAgain: values['sign-in'] === true,
      redirectUri: redirectUriOf(text('redirect-uri')),
      redirectUrl: text('redirect-url') ?? config.TESLA_REDIRECT_URL,
      isListening: values.listen === true || isInteractive,
      vins: vinsOf(listOption(values.vin)),
      source: sourceArgument(text('profile') ?? 'teslamate'),
      ca: caFile === undefined ? undefined : readCa(caFile),
      waitMs: waitSeconds * 1_000,
      pairingUrl: `${config.FLEET_AUTH_URL ?? 'https://tesla.com'}/_ak`,
      allowedVins: (config.ALLOWED_VINS ?? []).map(normalizeVin),
    },
  };
}

/** In a clone ingest is on this machine; in compose it has a name of its own. The public name may lead nowhere from here. */
function serversOf(port: number, ingestPort: number, telemetryHost: string | undefined) {
  const inside = hasApps() ? { host: '127.0.0.1', port: ingestPort } : { host: 'ingest', port: 4_443 };
  return telemetryHost === undefined ? [inside] : [inside, { host: telemetryHost, port }];
}

function redirectUriOf(text = REDIRECT_URI): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text;
  throw new UsageError(`--redirect-uri: expected a URI such as ${REDIRECT_URI}, got "${text}"`);
}

function vinsOf(texts: readonly string[]): string[] {
  const vins = texts.map(normalizeVin);
  const wrong = vins.find((vin) => !isVehicleVin(vin));
  if (wrong !== undefined) throw new UsageError(`--vin: expected 17 letters and digits, got "${wrong}"`);
  return [...new Set(vins)];
}

function readCa(file: string): string {
  let pem: string;
  try {
    pem = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new UsageError(`--ca-file: ${file} could not be read (${(cause as NodeJS.ErrnoException).code})`, { cause });
  }
  if (pem.includes('-----BEGIN CERTIFICATE-----')) return pem;
  throw new UsageError(`--ca-file: ${file} has no certificate in PEM form`);
}
