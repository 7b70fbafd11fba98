// `npm run bench`: updates the build, finds or installs redis-server, and runs the benchmarks.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { prepare, root, runScript } from './prepare.mjs';
import { provideRedisServer } from './redis-server.mjs';

await runScript(async () => {
  await prepare();
  provideRedisServer();
  // A separate process, so that the heap of the preparation is not measured.
  const child = spawn(process.execPath, [join(root, 'infra', 'bench', 'bench.mjs'), ...process.argv.slice(2)], {
    stdio: 'inherit',
  });
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  child.once('close', (code, signal) => {
    process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 1);
  });
});
