// One run for all workspaces, so that there is one total. One project per workspace: `npx vitest run --project ingest`.
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

const rooms = [
  ...['packages', 'apps'].flatMap((folder) => readdirSync(folder).map((name) => ({ name, root: `${folder}/${name}` }))),
  { name: 'infra', root: 'infra' },
];

// Pure packages, whose files leave nothing behind in the process: a worker is not restarted for each of them.
const pure = [
  'access',
  'delivery',
  'fleet-api',
  'pki',
  'protocol',
  'settings',
  'telemetry-config',
  'vehicle-command',
  'vehicle-feed',
  'vehicle-state',
];

export default defineConfig({
  test: {
    // A third of a test's time is waiting for a process or a socket: three files at a time on two cores.
    maxWorkers: Math.max(3, availableParallelism() - 1),
    projects: rooms.map(({ name, root }) => ({
      root,
      test: {
        name,
        isolate: !pure.includes(name),
        include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
        // Built packages are loaded by Node itself: they need no transformation.
        server: { deps: { external: [/\/dist\//] } },
        // Real processes and a real Redis on two busy cores: generous limits, waits end as soon as their condition holds.
        testTimeout: 60_000,
        hookTimeout: 120_000,
      },
    })),
  },
});
