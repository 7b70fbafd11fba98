// Runs child processes so that a signal never leaves one behind: npm handles Ctrl-C by rolling back for several seconds, and
// a second `npm ci` in the same folder meanwhile destroys the work of both.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { basename } from 'node:path';
import { print, ScriptError } from './script.mjs';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];
/** A child that hangs is killed. npm needs about 15 s to roll back on a small machine. */
const KILL_AFTER_MS = 60_000;

/**
 * Calls `work` with a function that runs a command and resolves with `{ code, output }`. On a signal the running child gets
 * that signal, and this process exits with 128 + its number once the child has closed.
 */
export async function interruptible(work, { killAfterMs = KILL_AFTER_MS } = {}) {
  let child;
  let command = '';
  let interrupted;

  const exit = () => process.exit(128 + constants.signals[interrupted]);
  const interrupt = (signal) => {
    // One Ctrl-C can arrive twice: from the terminal and from npm.
    if (interrupted !== undefined) return;
    interrupted = signal;
    if (child === undefined) exit();
    print(`stopping ${basename(command)} …`);
    child.kill(signal);
    setTimeout(() => child?.kill('SIGKILL'), killAfterMs).unref();
  };

  const run = (program, args, cwd) =>
    new Promise((resolve, reject) => {
      command = program;
      child = spawn(program, args, {
        cwd,
        env: { ...process.env, TURBO_TELEMETRY_DISABLED: '1', TURBO_NO_UPDATE_NOTIFIER: '1', TURBO_UI: 'false' },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      // Shown only if the command fails.
      let output = '';
      const keep = (chunk) => {
        output = (output + chunk).slice(-200_000);
      };
      child.stdout.setEncoding('utf8').on('data', keep);
      child.stderr.setEncoding('utf8').on('data', keep);
      const end = (settle) => {
        child = undefined;
        if (interrupted !== undefined) exit();
        settle();
      };
      child.once('error', (cause) => end(() => reject(new ScriptError(`can't run ${program}: ${cause.message}`))));
      child.once('close', (code, signal) => end(() => resolve({ code: code ?? signal, output })));
    });

  for (const signal of SIGNALS) process.on(signal, interrupt);
  try {
    return await work(run);
  } finally {
    for (const signal of SIGNALS) process.off(signal, interrupt);
  }
}
