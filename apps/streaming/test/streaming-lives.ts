// The streaming server as a supervisor starts it, `node dist/main.js`, on ports that stay the same over its lives.
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { freePort } from '@fleetbridge/testing';
import { TOKEN } from './replica.js';

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));

export interface StreamingLives {
  readonly port: number;
  /** Resolves when it is ready. */
  start(): Promise<void>;
  /** Resolves when it has ended, with its exit code. */
  end(signal: NodeJS.Signals): Promise<number | null>;
  metric(name: string): Promise<number>;
}

export async function createStreamingLives(options: {
  redisUrl: string;
  namespace: string;
  env?: Record<string, string>;
}): Promise<StreamingLives> {
  const [port, adminPort, grpcPort] = [await freePort(), await freePort(), await freePort()];
  let child: ChildProcess | undefined;
  return {
    port,
    end: async (signal) => {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
      const ended = new Promise<number | null>((resolve) => child?.once('exit', resolve));
      // a crash takes the workers too; a stop is the parent's affair
      if (signal === 'SIGKILL') process.kill(-child.pid!, signal);
      else child.kill(signal);
      return await ended;
    },
    start: async () => {
      const started = spawn(process.execPath, [main], {
        env: {
          PATH: process.env.PATH ?? '',
          REDIS_URL: options.redisUrl,
          NAMESPACE: options.namespace,
          STREAMING_TLS: 'off',
          STREAMING_BIND: '127.0.0.1',
          STREAMING_PORT: String(port),
          STREAMING_ADMIN_PORT: String(adminPort),
          STREAMING_GRPC_PORT: String(grpcPort),
          BRIDGE_TOKEN: TOKEN,
          ...options.env,
        },
        // a process group of its own, with its workers
        detached: true,
        stdio: ['ignore', process.env.TEST_LOG === undefined ? 'ignore' : 'inherit', 'inherit', 'ipc'],
      });
      child = started;
      await new Promise<void>((resolve, reject) => {
        started.on('message', (message: { type?: string }) => message.type === 'ready' && resolve());
        started.once('exit', (code) => reject(new Error(`streaming ended with ${code} before it was ready`)));
      });
    },
    metric: async (name) => {
      const text = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
      const line = text.split('\n').find((one) => one.startsWith(name) && /^[{ ]/.test(one.slice(name.length)));
      return Number(line?.split(' ').at(-1) ?? Number.NaN);
    },
  };
}
