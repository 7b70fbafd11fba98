// `npm start`: prepares the clone, then becomes `fleetbridge up`. It does so in this process, not in a child: one
// process less between the terminal and the supervisor, so signals and exit code need no passing on.

import { becomeCli } from './cli.mjs';
import { prepare, runScript } from './prepare.mjs';
import { provideRedisServer } from './redis-server.mjs';

await runScript(async () => {
  await prepare();
  provideRedisServer();
  await becomeCli(['up', ...process.argv.slice(2)]);
});
