// `npm test`: one vitest run over all workspaces; the last line is the total. `--long` also runs the tests that take
// minutes. Further arguments go to vitest (`npm test -- --project ingest`).
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { prepare, print, root, runScript } from './prepare.mjs';
import { provideRedisServer } from './redis-server.mjs';

await runScript(async () => {
  const args = process.argv.slice(2);
  const isLong = args.includes('--long');
  await prepare();
  provideRedisServer();
  if (args.length === 0) print('running all tests, about six minutes; those of one room: npm test -- --project ingest');
  const { totals, code } = await runVitest(
    args.filter((arg) => arg !== '--long'),
    isLong ? { TEST_LONG: '1' } : {},
  );
  const { passed, failed, skipped } = totals ?? { passed: 0, failed: 0, skipped: 0 };
  process.stdout.write(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`);
  // A run without tests is a failure: a wrong filter, or a project that no longer finds its files.
  process.exitCode = code === 0 && (failed > 0 || passed === 0) ? 1 : code;
});

/** The reporter sends the totals over the IPC channel, so that no output of vitest follows them. */
function runVitest(args, env) {
  return new Promise((resolve, reject) => {
    const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
    const reporters = ['--reporter=default', `--reporter=${join(root, 'infra', 'scripts', 'vitest-totals.mjs')}`];
    const child = spawn(process.execPath, [vitest, 'run', ...reporters, ...args], {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    });
    let totals;
    child.on('message', (message) => {
      if (message?.type === 'totals') totals = message;
    });
    // The terminal's Ctrl-C reaches vitest too; wait for it to end and pass its code on.
    process.on('SIGINT', () => {});
    process.on('SIGTERM', () => child.kill('SIGTERM'));
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ totals, code: code ?? (signal === 'SIGINT' ? 130 : 1) }));
  });
}
