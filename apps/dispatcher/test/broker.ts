// Real brokers for a test file if they are installed: mosquitto and nats-server as Debian packages them. Each has its own
// folder and port, which are removed at the end.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { eventually, freePort } from '@fleetbridge/testing';

export interface Broker {
  port: number;
  /** A clean stop, so that it saves its state. */
  end(): Promise<void>;
  kill(): Promise<void>;
  /** With the same port and data. */
  start(): Promise<void>;
  /** SIGSTOP: accepts connections, and does not answer. */
  freeze(): void;
  thaw(): void;
  dispose(): Promise<void>;
}

export interface MosquittoOptions {
  /** Whether it keeps its state over a restart. */
  persistence?: boolean;
  /** The content of an acl_file. */
  acl?: string;
}

/** Path of a program, Debian's sbin included; undefined if it is not installed. */
export function programPath(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

export async function startMosquitto(
  program: string,
  { persistence = true, acl }: MosquittoOptions = {},
): Promise<Broker> {
  return await startBroker(program, ({ folder, port }) => {
    const file = join(folder, 'mosquitto.conf');
    const settings = [`listener ${port} 127.0.0.1`, 'allow_anonymous true'];
    if (persistence) settings.push('persistence true', `persistence_location ${folder}/`);
    if (acl !== undefined) {
      writeFileSync(join(folder, 'acl'), acl);
      settings.push(`acl_file ${join(folder, 'acl')}`);
    }
    // otherwise it drops root's rights, and can't write to a folder that root created
    writeFileSync(file, [...settings, `user ${process.getuid?.() === 0 ? 'root' : 'mosquitto'}`, ''].join('\n'));
    return ['-c', file];
  });
}

export async function startNats(program: string): Promise<Broker> {
  return await startBroker(program, ({ folder, port }) => [
    '-a',
    '127.0.0.1',
    '-p',
    String(port),
    '-js',
    '-sd',
    folder,
  ]);
}

async function startBroker(
  program: string,
  argumentsFor: (place: { folder: string; port: number }) => string[],
): Promise<Broker> {
  const folder = mkdtempSync(join(tmpdir(), 'fleetbridge-broker-'));
  const port = await freePort();
  const given = argumentsFor({ folder, port });
  let child: ChildProcess | undefined;
  const start = async () => {
    child = spawn(program, given, { stdio: 'ignore' });
    await eventually(() => accepts(port));
  };
  const endWith = async (signal: NodeJS.Signals) => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child?.once('exit', resolve));
    child.kill(signal);
    await ended;
  };
  await start();
  return {
    port,
    start,
    end: () => endWith('SIGTERM'),
    kill: () => endWith('SIGKILL'),
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
    dispose: async () => {
      await endWith('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function accepts(port: number): Promise<true> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ port, host: '127.0.0.1' }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', reject);
  });
}
