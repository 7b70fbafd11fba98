// Ingest as a supervisor starts it: `node dist/main.js`, with its IPC messages, stdout and stderr.
import { type ChildProcess, fork } from 'node:child_process';
import { finished } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { connectVehicle } from '@fleetbridge/simulator';
import type { TestPki } from './ingest-rig.js';
import { testVehicle, VIN } from './test-vehicle.js';

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));

export interface ReadyMessage {
  type: string;
  name: string;
  ports: { vehicles: number; admin: number };
}

export type IngestProcesses = ReturnType<typeof createIngestProcesses>;
export type IngestProcess = ReturnType<IngestProcesses['start']>;

/** Starts processes that share a namespace unless `env` sets another one. `killAll` ends all of them. */
export function createIngestProcesses({
  redisUrl,
  namespace,
  pki,
}: {
  redisUrl: string;
  namespace: string;
  pki: TestPki;
}) {
  const children: ChildProcess[] = [];
  return {
    killAll: () => {
      // workers stop when their primary has died
      for (const child of children.splice(0)) child.kill('SIGKILL');
    },
    start(env: Record<string, string> = {}) {
      const child = fork(main, {
        env: {
          PATH: process.env.PATH,
          REDIS_URL: redisUrl,
          NAMESPACE: namespace,
          DATA_DIR: pki.dataDir,
          INGEST_HOST: '127.0.0.1',
          INGEST_PORT: '0',
          INGEST_ADMIN_PORT: '0',
          INGEST_WORKERS: '1',
          ...env,
        },
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      });
      children.push(child);
      return watch(child);
    },
    /** Connects a vehicle to the port of a process or of its balancer. */
    async connect(port: number, vin = VIN) {
      const connection = await connectVehicle({
        url: `wss://127.0.0.1:${port}/`,
        ...pki.vehicle(vin),
        caPem: pki.serverCaPem,
      });
      return testVehicle(connection, vin);
    },
  };
}

function watch(child: ChildProcess) {
  const output = { stdout: '', stderr: '' };
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text;
  });
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text;
  });
  const exited = Promise.all([
    new Promise<number | null>((resolve) => child.once('exit', resolve)),
    finished(child.stdout!),
    finished(child.stderr!),
  ]).then(([code]) => code);
  const ready = new Promise<ReadyMessage>((resolve, reject) => {
    child.once('message', (message) => resolve(message as ReadyMessage));
    void exited.then((code) => reject(new Error(`ended with ${code}: ${output.stdout}${output.stderr}`)));
  });
  // tests that expect the process to exit do not await `ready`
  ready.catch(() => {});
  const lines = (): Record<string, unknown>[] => {
    const whole = output.stdout.split('\n').slice(0, -1);
    return whole.map((line) => JSON.parse(line));
  };
  const admin = async (path: string): Promise<{ status: number; text: string }> => {
    const response = await fetch(`http://127.0.0.1:${(await ready).ports.admin}${path}`);
    return { status: response.status, text: await response.text() };
  };
  return {
    child,
    exited,
    ready,
    lines,
    events: () => lines().map(({ event }) => event),
    stderr: () => output.stderr,
    admin,
  };
}
