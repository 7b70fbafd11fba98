// Starts a built app as an operator does, for tests of several processes.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const appsFolder = join(import.meta.dirname, '../../apps');

export interface StartAppOptions {
  /** Receives a function that stops the app. */
  cleanUp: (() => unknown)[];
  /** Called with each line of stdout. */
  onLine?: (line: string) => void;
}

/** Resolves with the ports of the app when it is ready. */
export function startApp(
  app: string,
  env: Record<string, string>,
  { cleanUp, onLine }: StartAppOptions,
): Promise<Record<string, number>> {
  const child = spawn(process.execPath, [join(appsFolder, app, 'dist/main.js')], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  let output = '';
  let rest = '';
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  child.stdout!.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop()!;
    for (const line of lines) onLine?.(line);
  });
  const ended = once(child, 'exit').then(([code]) => code as number | null);
  cleanUp.push(async () => {
    child.kill('SIGTERM');
    await ended;
  });
  return new Promise((resolve, reject) => {
    child.on('message', (message: object) => {
      const { type, ports } = message as { type: string; ports: Record<string, number> };
      if (type === 'ready') resolve(ports);
    });
    void ended.then((code) => reject(new Error(`${app} exited with code ${code}: ${output}`)));
  });
}
