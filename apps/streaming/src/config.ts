// The streaming server's variables (packages/settings), the rules between them, and the files that their defaults mean.
import { bindAddress, createAddressOf, isBindAllowed } from '@fleetbridge/access';
import { serverCertificateFiles } from '@fleetbridge/pki';
import { type ConfigOf, defineConfig, type Mistake } from '@fleetbridge/service';
import { settingsOf } from '@fleetbridge/settings';
import { parseVehicleIds } from './owner/index.js';

export const streamingConfig = defineConfig(settingsOf('streaming'), {
  checks: (config): Mistake[] => [...authMistakes(config), ...pushMistakes(config), ...listMistakes(config)],
});

export type StreamingConfig = ConfigOf<typeof streamingConfig>;

type Given = Partial<StreamingConfig>;

function authMistakes(config: Given): Mistake[] {
  if (isBindAllowed(bindPolicy(config))) return [];
  return [
    {
      variable: 'AUTH',
      problem: `"none" is allowed on loopback only, STREAMING_BIND is ${config.STREAMING_BIND}; use tokens, or set AUTH_NONE_ANYWHERE=on in a trusted network`,
    },
  ];
}

function pushMistakes({
  PUBSUB_PUSH_AUDIENCE,
  PUBSUB_PUSH_ACCOUNT,
  PUBSUB_PUSH_TOKEN,
  ALLOWED_VINS,
}: Given): Mistake[] {
  const mistakes: Mistake[] = [];
  if ((PUBSUB_PUSH_AUDIENCE === undefined) !== (PUBSUB_PUSH_ACCOUNT === undefined)) {
    const [missing, given] =
      PUBSUB_PUSH_AUDIENCE === undefined
        ? ['PUBSUB_PUSH_AUDIENCE', 'PUBSUB_PUSH_ACCOUNT']
        : ['PUBSUB_PUSH_ACCOUNT', 'PUBSUB_PUSH_AUDIENCE'];
    mistakes.push({ variable: missing, problem: `must be set when ${given} is set` });
  }
  const isOn = PUBSUB_PUSH_AUDIENCE !== undefined || PUBSUB_PUSH_TOKEN !== undefined;
  if (isOn && ALLOWED_VINS === undefined) {
    const problem = 'must be set for a Pub/Sub push; expected VINs separated by commas, or *';
    mistakes.push({ variable: 'ALLOWED_VINS', problem });
  }
  return mistakes;
}

function listMistakes({ TRUSTED_PROXIES = [], VEHICLE_IDS = [] }: Given): Mistake[] {
  const mistakes: Mistake[] = [];
  try {
    createAddressOf(TRUSTED_PROXIES);
  } catch (error) {
    const problem = `expected addresses and networks such as 10.0.0.0/8; "${(error as RangeError).message}" is neither`;
    mistakes.push({ variable: 'TRUSTED_PROXIES', problem });
  }
  const ids = parseVehicleIds(VEHICLE_IDS);
  if (ids instanceof RangeError) {
    mistakes.push({ variable: 'VEHICLE_IDS', problem: `expected <id>=<VIN>, got "${ids.message}"` });
  }
  return mistakes;
}

/** The files and the address that apply where a variable is not set. */
export function withDefaults(config: StreamingConfig) {
  const { DATA_DIR, STREAMING_CERT_FILE, STREAMING_KEY_FILE } = config;
  return {
    ...serverCertificateFiles({ certFile: STREAMING_CERT_FILE, keyFile: STREAMING_KEY_FILE, dataDir: DATA_DIR }),
    bind: bindAddress(bindPolicy(config)),
  };
}

function bindPolicy({ AUTH, AUTH_NONE_ANYWHERE, STREAMING_BIND }: Given) {
  return { bind: STREAMING_BIND, isAuthRequired: AUTH !== 'none', isOpenAllowed: AUTH_NONE_ANYWHERE === true };
}
