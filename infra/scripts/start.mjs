// `npm start`: prepares the clone, then runs `fleetbridge up` in this process, so that signals and the exit code need no
// forwarding.

import { becomeCli } from './cli.mjs';
import { prepare, runScript } from './prepare.mjs';
import { provideRedisServer } from './redis-server.mjs';

await runScript(async () => {
  await prepare();
  provideRedisServer();
  await becomeCli(['up', ...process.argv.slice(2)]);
});
