// The architecture as data, for check-rooms.mjs: which workspace may import which packages, and in which layers the rooms
// of a workspace lie. A room may import rooms of later lines only. Files directly in `src` wire the rooms together.

const everyPackage = [
  'access',
  'delivery',
  'fleet-api',
  'pki',
  'protocol',
  'service',
  'settings',
  'store',
  'telemetry-config',
  'tesla-account',
  'vehicle-command',
  'vehicle-feed',
  'vehicle-state',
];

/** By workspace: the packages that its source may import. Packages never import apps, apps never import apps. */
export const workspaceImports = {
  'packages/protocol': [],
  'packages/settings': [],
  'packages/vehicle-command': [],
  'packages/pki': [],
  'packages/testing': [],
  'packages/fleet-api': [],
  'packages/store': ['protocol', 'testing'],
  'packages/vehicle-state': ['protocol'],
  'packages/telemetry-config': ['protocol'],
  'packages/service': ['settings'],
  'packages/tesla-account': ['fleet-api', 'pki', 'store', 'vehicle-command'],
  'packages/vehicle-feed': ['protocol', 'service', 'store', 'vehicle-state'],
  'packages/access': ['store'],
  'packages/delivery': ['protocol', 'service', 'settings', 'store'],
  'packages/simulator': ['pki', 'protocol', 'vehicle-command'],
  'apps/ingest': everyPackage,
  'apps/dispatcher': everyPackage,
  'apps/streaming': everyPackage,
  'apps/gateway': everyPackage,
  'apps/cli': [...everyPackage, 'simulator'],
};

/** By workspace: its rooms, the uppermost layer first. `*` means all rooms that are not named. */
export const layers = {
  'packages/store': [
    ['testing'],
    ['admin'],
    ['subscription', 'snapshot', 'command'],
    ['log'],
    ['presence', 'resume', 'rest', 'tesla', 'usage'],
    ['lease'],
    ['scripts'],
    ['redis'],
  ],
  'packages/access': [['tokens'], ['jwt', 'guard'], ['limits'], ['addresses']],
  'packages/telemetry-config': [['profiles'], ['cost'], ['configuration'], ['catalogue']],
  'packages/fleet-api': [['endpoints', 'oauth'], ['calls'], ['errors', 'http', 'regions', 'signature']],
  'packages/pki': [['development'], ['ca', 'server', 'identity'], ['certificate', 'files'], ['asn1']],
  'packages/simulator': [
    ['tesla-api'],
    ['configured-vehicle'],
    ['config-token', 'vehicle', 'teslamate', 'command-vehicle'],
    ['loopback-server', 'model'],
  ],
  'packages/settings': [['variables'], ['values']],
  'packages/service': [['workers'], ['network'], ['process'], ['metrics', 'files', 'go-server'], ['log'], ['config']],
  'packages/protocol': [['record'], ['json', 'payload', 'envelope'], ['messages', 'ids']],
  'packages/vehicle-command': [['signer'], ['answers', 'commands'], ['session'], ['authentication'], ['messages']],
  'packages/tesla-account': [
    ['connection'],
    ['tokens', 'application', 'application-key'],
    ['secrets'],
    ['key-files'],
    ['errors'],
  ],
  'packages/delivery': [['definition'], ['*'], ['shared']],
  'apps/streaming': [['owner', 'raw', 'http', 'grpc', 'pubsub'], ['frames'], ['resume'], ['records']],
  'apps/gateway': [['fleet-api'], ['sign-in', 'vehicles', 'commands']],
  'apps/ingest': [['status'], ['certificates'], ['socket'], ['admission']],
  'apps/dispatcher': [['maintenance'], ['snapshot', 'subscription']],
  'apps/cli': [['commands'], ['output', 'migration', 'simulation'], ['supervisor'], ['redis']],
};
