// `npm run bench`: the benchmarks, on an up-to-date build and with a redis-server at hand.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { prepare, root, runScript } from './prepare.mjs';
import { provideRedisServer } from './redis-server.mjs';

await runScript(async () => {
  await prepare();
  provideRedisServer();
  // A process of its own: what preparing left in the heap must not be measured.
  const child = spawn(process.execPath, [join(root, 'infra', 'bench', 'bench.mjs'), ...process.argv.slice(2)], {
    stdio: 'inherit',
  });
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  child.once('close', (code, signal) => {
    process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 1);
  });
});
