// `npm start`: prepares the clone, then runs `fleetbridge up` in this process, so that signals and the exit code need no
// forwarding. Redis is looked for first: its absence should not cost the time of an installation.

import { becomeCli } from './cli.mjs';
import { prepare, requireNode, runScript } from './prepare.mjs';
import { provideRedisServer } from './redis-server.mjs';

await runScript(async () => {
  requireNode();
  provideRedisServer();
  await prepare();
  await becomeCli(['up', ...process.argv.slice(2)]);
});
