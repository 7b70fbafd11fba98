// `npm run fleetbridge -- <command>`: updates dependencies and build, then runs the CLI.

import { becomeCli } from './cli.mjs';
import { prepare, runScript } from './prepare.mjs';
import { provideRedisServer } from './redis-server.mjs';

await runScript(async () => {
  const args = process.argv.slice(2);
  await prepare();
  if (args[0] === 'up' && !args.includes('--help')) provideRedisServer();
  await becomeCli(args);
});
