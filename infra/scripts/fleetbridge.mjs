#!/usr/bin/env node
// `npx fleetbridge <command>` and `npm run fleetbridge -- <command>`: updates dependencies and build if necessary, then runs
// the CLI. Prints nothing to stdout; that belongs to the command.

import { isBuilt } from './built.mjs';
import { becomeCli } from './cli.mjs';
import { prepare, requireNode, root, runScript } from './prepare.mjs';
import { provideRedisServer } from './redis-server.mjs';

await runScript(async () => {
  const args = process.argv.slice(2);
  requireNode();
  if (args[0] === 'up' && !args.includes('--help')) provideRedisServer();
  if (!isBuilt(root)) await prepare();
  await becomeCli(args);
});
