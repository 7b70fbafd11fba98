// The gateway's variables (packages/settings), and the rules between them.
import { bindAddress, createAddressOf, isBindAllowed } from '@fleetbridge/access';
import { type ConfigOf, defineConfig, type Mistake } from '@fleetbridge/service';
import { settingsOf } from '@fleetbridge/settings';
import { parseAllowedPaths } from './upstream/index.js';
import { parseGivenIds } from './vehicles/index.js';

export const gatewayConfig = defineConfig(settingsOf('gateway'), {
  checks: (config): Mistake[] => [
    ...certificateMistakes(config),
    ...bindMistakes(config),
    ...commandMistakes(config),
    ...authMistakes(config),
    ...listMistakes(config),
  ],
});

export type GatewayConfig = ConfigOf<typeof gatewayConfig>;

type Given = Partial<GatewayConfig>;

function certificateMistakes({ GATEWAY_CERT_FILE, GATEWAY_KEY_FILE }: Given): Mistake[] {
  if ((GATEWAY_CERT_FILE === undefined) === (GATEWAY_KEY_FILE === undefined)) return [];
  const [missing, given] =
    GATEWAY_CERT_FILE === undefined
      ? ['GATEWAY_CERT_FILE', 'GATEWAY_KEY_FILE']
      : ['GATEWAY_KEY_FILE', 'GATEWAY_CERT_FILE'];
  return [{ variable: missing, problem: `must be set when ${given} is set` }];
}

/** Tokens and places of vehicles must not cross a network in plain text by accident. */
function bindMistakes(config: Given): Mistake[] {
  if (isBindAllowed(encryptionPolicy(config))) return [];
  return [
    {
      variable: 'GATEWAY_BIND',
      problem: `plain HTTP is allowed on loopback only, got ${config.GATEWAY_BIND}; set GATEWAY_CERT_FILE and GATEWAY_KEY_FILE, or GATEWAY_PLAIN_HTTP=on in a trusted network`,
    },
  ];
}

/** A token for commands opens cars, so that allowing plain HTTP for reads is not enough. */
function commandMistakes(config: Given): Mistake[] {
  const { COMMANDS, COMMANDS_PLAIN_HTTP, AUTH } = config;
  if (COMMANDS !== true) return [];
  const encryption = encryptionPolicy(config);
  const bind = bindAddress(encryption) ?? '::';
  const isAllowed = isBindAllowed({ ...encryption, bind, isOpenAllowed: COMMANDS_PLAIN_HTTP === true });
  const problems = [
    ...(isAllowed ? [] : [`commands need TLS or loopback, but GATEWAY_PORT is plain HTTP on ${bind}; ${remedy}`]),
    ...(AUTH === 'none' ? ['commands need tokens, but AUTH is "none"'] : []),
  ];
  return problems.map((problem) => ({ variable: 'COMMANDS', problem }));
}

const remedy = 'set GATEWAY_CERT_FILE and GATEWAY_KEY_FILE, or COMMANDS_PLAIN_HTTP=on in a private container network';

function authMistakes(config: Given): Mistake[] {
  if (isBindAllowed(authPolicy(config))) return [];
  return [
    {
      variable: 'AUTH',
      problem: `"none" is allowed on loopback only, GATEWAY_BIND is ${config.GATEWAY_BIND}; use tokens, or set AUTH_NONE_ANYWHERE=on in a trusted network`,
    },
  ];
}

function listMistakes({ TRUSTED_PROXIES = [], VEHICLE_IDS = [], GATEWAY_UPSTREAM_PATHS = [] }: Given): Mistake[] {
  const mistakes: Mistake[] = [];
  try {
    createAddressOf(TRUSTED_PROXIES);
  } catch (error) {
    const problem = `expected addresses and networks such as 10.0.0.0/8; "${(error as RangeError).message}" is neither`;
    mistakes.push({ variable: 'TRUSTED_PROXIES', problem });
  }
  const ids = parseGivenIds(VEHICLE_IDS);
  if (ids instanceof RangeError) {
    mistakes.push({ variable: 'VEHICLE_IDS', problem: `expected <id>=<VIN>, got "${ids.message}"` });
  }
  const paths = parseAllowedPaths(GATEWAY_UPSTREAM_PATHS);
  if (paths instanceof RangeError) {
    const problem = `expected entries such as GET /api/1/vehicles/*/nearby_charging_sites, got "${paths.message}"; other methods than GET are not forwarded`;
    mistakes.push({ variable: 'GATEWAY_UPSTREAM_PATHS', problem });
  }
  return mistakes;
}

/** The address to bind to; undefined = all addresses. */
export function bindOf(config: GatewayConfig): string | undefined {
  return bindAddress(authPolicy(config)) ?? bindAddress(encryptionPolicy(config));
}

function encryptionPolicy({ GATEWAY_BIND, GATEWAY_CERT_FILE, GATEWAY_PLAIN_HTTP }: Given) {
  const isEncrypted = GATEWAY_CERT_FILE !== undefined;
  return { bind: GATEWAY_BIND, isAuthRequired: isEncrypted, isOpenAllowed: GATEWAY_PLAIN_HTTP === true };
}

function authPolicy({ GATEWAY_BIND, AUTH, AUTH_NONE_ANYWHERE }: Given) {
  return { bind: GATEWAY_BIND, isAuthRequired: AUTH !== 'none', isOpenAllowed: AUTH_NONE_ANYWHERE === true };
}
