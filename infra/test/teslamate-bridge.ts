// `fleetbridge up` with ports and data of its own, and the pids of its processes, for tests with TeslaMate and its clients.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { eventually, freePort } from '@fleetbridge/testing';

const run = promisify(execFile);
const cli = join(import.meta.dirname, '../../apps/cli/dist/main.js');
const portNames = [
  'INGEST_PORT',
  'INGEST_ADMIN_PORT',
  'DISPATCHER_ADMIN_PORT',
  'STREAMING_PORT',
  'STREAMING_ADMIN_PORT',
  'STREAMING_GRPC_PORT',
  'GATEWAY_PORT',
  'GATEWAY_ADMIN_PORT',
] as const;

export const bridgeProcesses = ['gateway', 'streaming worker', 'dispatcher', 'ingest', 'redis', 'streaming'] as const;
export type BridgeProcess = (typeof bridgeProcesses)[number];

export interface Bridge {
  readonly ports: Readonly<Record<(typeof portNames)[number], number>>;
  readonly token: string;
  readonly caPem: string;
  output(): string;
  /** Runs `fleetbridge` on its data; resolves with stdout. */
  command(...args: string[]): Promise<string>;
  /** Ends it, by default with SIGKILL; resolves with the milliseconds until it has a successor. */
  kill(name: BridgeProcess, signal?: 'SIGKILL' | 'SIGTERM'): Promise<number>;
  /** Requests answered by the running gateway, by route and status. */
  requests(): Promise<Map<string, number>>;
}

export interface BridgeOptions {
  /** The data directory. */
  folder: string;
  vins: string[];
  cleanUp: (() => unknown)[];
  env?: Record<string, string>;
}

export async function startBridge({ folder, vins, cleanUp, env: more = {} }: BridgeOptions): Promise<Bridge> {
  const ports = {} as Record<(typeof portNames)[number], number>;
  for (const name of portNames) ports[name] = await freePort();
  const { PATH, REDIS_SERVER = 'redis-server' } = process.env;
  const env = {
    PATH,
    REDIS_SERVER,
    DATA_DIR: folder,
    SIM_VEHICLES: '0',
    ALLOWED_VINS: vins.join(','),
    LOG_FORMAT: 'json',
    SHUTDOWN_SECONDS: '5',
    ...Object.fromEntries(Object.entries(ports).map(([name, port]) => [name, String(port)])),
    ...more,
  };
  const child = spawn(process.execPath, [cli, 'up'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const ended = once(child, 'close');
  cleanUp.push(async () => {
    child.kill('SIGTERM');
    await ended;
  });
  await eventually(() => child.exitCode !== null || output.includes('fleetbridge is running'), 60_000);
  if (child.exitCode !== null) throw new Error(output);
  const read = (...path: string[]) => readFileSync(join(folder, ...path), 'utf8').trim();

  return {
    ports,
    token: read('tokens'),
    caPem: read('pki', 'server-ca.pem'),
    output: () => output,
    command: async (...args) => (await run(process.execPath, [cli, ...args], { env })).stdout,
    async kill(name, signal = 'SIGKILL') {
      const pid = await pidOf(name, child.pid!);
      if (pid === undefined) throw new Error(`${name} does not run`);
      const startedMs = Date.now();
      process.kill(pid, signal);
      await eventually(async () => ![undefined, pid].includes(await pidOf(name, child.pid!)), 60_000);
      return Date.now() - startedMs;
    },
    async requests() {
      const response = await fetch(`http://127.0.0.1:${ports.GATEWAY_ADMIN_PORT}/metrics`);
      const samples = (await response.text()).matchAll(/^fleetbridge_gateway_requests_total\{(.*)\} (\d+)$/gm);
      return new Map([...samples].map(([, labels, value]) => [labels!, Number(value)]));
    },
  };
}

async function pidOf(name: BridgeProcess, root: number): Promise<number | undefined> {
  const { stdout } = await run('ps', ['-eo', 'pid=,ppid=,args=']);
  const all = stdout.split('\n').flatMap((line) => {
    const [, pid, parent, args] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
    return args === undefined ? [] : [{ pid: Number(pid), parent: Number(parent), args }];
  });
  const childOf = (parent: number, text: string) =>
    all.find((one) => one.parent === parent && one.args.includes(text))?.pid;
  if (name === 'redis') return childOf(root, 'redis-server');
  if (name !== 'streaming worker') return childOf(root, `apps/${name}/`);
  const primary = childOf(root, 'apps/streaming/');
  return primary === undefined ? undefined : all.find(({ parent }) => parent === primary)?.pid;
}
