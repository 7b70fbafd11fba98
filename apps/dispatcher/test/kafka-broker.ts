// A real single-node Kafka broker (KRaft) for the long tests, from the artifacts of the Kafka project. Maven downloads them
// once (44 MB) into node_modules/.cache. Needs Java 17.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually, freePort } from '@fleetbridge/testing';
import { programPath } from './broker.js';

const VERSION = '4.3.1';
const cache = fileURLToPath(new URL('../../../node_modules/.cache/kafka', import.meta.url));

export interface KafkaBroker {
  address: string;
  kill(): Promise<void>;
  start(): Promise<void>;
  dispose(): Promise<void>;
}

/** Why Kafka can't run on this machine; undefined if it can. */
export function whyNoKafka(): string | undefined {
  if (programPath('java') === undefined) return 'Java is missing';
  if (!existsSync(join(cache, VERSION)) && programPath('mvn') === undefined) return 'Maven is missing';
  return undefined;
}

export async function startKafka(): Promise<KafkaBroker> {
  const libraries = `${fetched()}/*`;
  const folder = mkdtempSync(join(tmpdir(), 'fleetbridge-kafka-'));
  const [port, controllerPort] = [await freePort(), await freePort()];
  const settings = join(folder, 'server.properties');
  writeFileSync(
    settings,
    [
      'process.roles=broker,controller',
      'node.id=1',
      `listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
      `advertised.listeners=PLAINTEXT://127.0.0.1:${port}`,
      'controller.listener.names=CONTROLLER',
      `controller.quorum.voters=1@127.0.0.1:${controllerPort}`,
      `log.dirs=${join(folder, 'data')}`,
      'num.partitions=3',
      'offsets.topic.replication.factor=1',
      'transaction.state.log.replication.factor=1',
      'transaction.state.log.min.isr=1',
      'auto.create.topics.enable=true',
      '',
    ].join('\n'),
  );
  run('java', ['-cp', libraries, 'kafka.tools.StorageTool', 'format', '-t', 'MkU3OEVBNTcwNTJENDM2Qg', '-c', settings]);
  let child: ChildProcess | undefined;
  const start = async () => {
    child = spawn('java', ['-Xmx400m', '-cp', libraries, 'kafka.Kafka', settings], { stdio: 'ignore' });
    await eventually(() => accepts(port), 60_000);
  };
  const kill = async () => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child?.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  };
  await start();
  return {
    address: `127.0.0.1:${port}`,
    kill,
    start,
    dispose: async () => {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function fetched(): string {
  const libraries = join(cache, VERSION);
  if (existsSync(libraries)) return libraries;
  mkdirSync(cache, { recursive: true });
  const project = mkdtempSync(join(cache, 'project-'));
  const dependency = (group: string, artifact: string, version: string) =>
    `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version></dependency>`;
  writeFileSync(
    join(project, 'pom.xml'),
    `<project><modelVersion>4.0.0</modelVersion><groupId>local</groupId><artifactId>broker</artifactId><version>1</version>
<packaging>pom</packaging><dependencies>${dependency('org.apache.kafka', 'kafka_2.13', VERSION)}${dependency('org.slf4j', 'slf4j-simple', '2.0.17')}</dependencies></project>`,
  );
  run('mvn', [
    '-q',
    '-B',
    '-f',
    join(project, 'pom.xml'),
    'dependency:copy-dependencies',
    `-DoutputDirectory=${project}/lib`,
  ]);
  renameSync(join(project, 'lib'), libraries);
  rmSync(project, { recursive: true });
  return libraries;
}

function run(command: string, args: string[]): void {
  const { status, stderr, stdout } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ended with ${status}: ${(stderr || stdout || '').slice(-500)}`);
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
