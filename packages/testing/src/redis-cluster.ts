// A real Redis Cluster for one test file: redis-server processes on loopback, each with its own AOF, with evenly
// distributed slots. Nodes can be killed and restarted one by one.
import { eventually } from './eventually.js';
import { isFreePort } from './free-port.js';
import { type DisposableRedis, startRedis } from './redis.js';
import { type RedisReply, sendRedisCommand } from './redis-command.js';

export interface RedisCluster {
  /** A REDIS_URL with the initial masters. */
  url: string;
  /** Masters first, then their replicas in the same order, round by round. */
  nodes: DisposableRedis[];
  /** The current master of the slot of a key or hash tag, by the majority of the nodes that answer. */
  masterOf(key: string): Promise<DisposableRedis>;
  /** Resolves when all slots are served and each master has this many replicas in sync. */
  whenWhole(replicas?: number): Promise<void>;
  stop(): Promise<void>;
}

export interface RedisClusterOptions {
  /** Number of masters; at least three, since fewer can't agree on a failover. */
  nodes?: number;
  /** Per master. */
  replicas?: number;
  /** Of redis-server. */
  extraArguments?: string[];
  /** A node that does not answer for this long has failed. */
  nodeTimeoutMs?: number;
}

const SLOTS = 16_384;
/** Redis' fixed distance between a node's port and its bus port. */
const BUS_OFFSET = 10_000;
const START_LIMIT_MS = 30_000;

export async function startRedisCluster(options: RedisClusterOptions = {}): Promise<RedisCluster> {
  const { nodes: masters = 3, replicas = 0, extraArguments = [], nodeTimeoutMs = 2_000 } = options;
  const count = masters * (1 + replicas);
  const ports = await freePorts(count);
  const settings = ['--cluster-enabled', 'yes', '--cluster-node-timeout', String(nodeTimeoutMs)];
  // a replica syncs immediately (before its first sync it is not listed) and may always take over
  settings.push('--repl-diskless-sync-delay', '0', '--repl-ping-replica-period', '1');
  settings.push('--cluster-replica-validity-factor', '0');
  const nodes = await Promise.all(ports.map((port) => startRedis([...settings, ...extraArguments], { port })));
  const cluster: RedisCluster = {
    url: `redis+cluster://${ports
      .slice(0, masters)
      .map((port) => `127.0.0.1:${port}`)
      .join(',')}`,
    nodes,
    masterOf: async (key) => {
      const port = await majority(ports, async (asked) => masterPort(asked, await slotOf(asked, key)));
      return nodes.find((node) => node.port === port)!;
    },
    whenWhole: async (wanted = replicas) => {
      await eventually(() => Promise.all(ports.map((port) => expectWhole(port, wanted))), START_LIMIT_MS);
    },
    stop: async () => {
      await Promise.all(nodes.map((node) => node.stop()));
    },
  };
  try {
    await join(ports, masters);
    await cluster.whenWhole();
  } catch (error) {
    await cluster.stop();
    throw error;
  }
  return cluster;
}

async function join(ports: number[], masters: number): Promise<void> {
  for (const [index, port] of ports.entries()) {
    // two nodes with the same epoch could claim the same slots
    await sendRedisCommand(port, 'CLUSTER', 'SET-CONFIG-EPOCH', index + 1);
    if (index >= masters) continue;
    const [from, to] = [index, index + 1].map((n) => Math.floor((n * SLOTS) / masters)) as [number, number];
    const slots = Array.from({ length: to - from }, (_, n) => from + n);
    await sendRedisCommand(port, 'CLUSTER', 'ADDSLOTS', ...slots);
  }
  // every pair directly: discovery by gossip takes seconds
  for (const [index, port] of ports.entries()) {
    for (const other of ports.slice(0, index)) await sendRedisCommand(port, 'CLUSTER', 'MEET', '127.0.0.1', other);
  }
  const ids = await Promise.all(ports.map((port) => sendRedisCommand(port, 'CLUSTER', 'MYID')));
  for (const [index, port] of ports.entries()) {
    if (index < masters) continue;
    const master = String(ids[index % masters]);
    // fails until the node knows its master
    await eventually(
      async () => (await sendRedisCommand(port, 'CLUSTER', 'REPLICATE', master)) === 'OK',
      START_LIMIT_MS,
    );
  }
}

async function expectWhole(port: number, replicas: number): Promise<void> {
  const info = String(await sendRedisCommand(port, 'CLUSTER', 'INFO'));
  if (!info.includes('cluster_state:ok')) throw new Error(`${port}: ${info}`);
  const link = String(await sendRedisCommand(port, 'INFO', 'replication'));
  if (link.includes('role:slave') && !link.includes('master_link_status:up')) throw new Error(`${port}: ${link}`);
  const ranges = (await sendRedisCommand(port, 'CLUSTER', 'SLOTS')) as RedisReply[][];
  // start, end, master, replicas
  if (ranges.some((range) => range.length < 3 + replicas))
    throw new Error(`${port}: expected ${replicas} replicas per master`);
  const held = ranges.reduce((sum, [from, to]) => sum + Number(to) - Number(from) + 1, 0);
  if (held !== SLOTS) throw new Error(`${port}: expected ${SLOTS} slots, got ${held}`);
}

async function slotOf(port: number, key: string): Promise<number> {
  return Number(await sendRedisCommand(port, 'CLUSTER', 'KEYSLOT', key.includes('{') ? key : `{${key}}`));
}

async function masterPort(asked: number, slot: number): Promise<number> {
  const ranges = (await sendRedisCommand(asked, 'CLUSTER', 'SLOTS')) as [number, number, [string, number]][];
  return ranges.find(([from, to]) => from <= slot && slot <= to)?.[2][1] ?? 0;
}

/** The most frequent answer. */
async function majority(ports: number[], ask: (port: number) => Promise<number>): Promise<number> {
  const answers = await Promise.all(ports.map((port) => ask(port).catch(() => undefined)));
  const votes = new Map<number, number>();
  for (const answer of answers) if (answer !== undefined) votes.set(answer, (votes.get(answer) ?? 0) + 1);
  const [winner] = [...votes].sort(([, a], [, b]) => b - a);
  if (winner === undefined) throw new Error('no node of the cluster answers');
  return winner[0];
}

/** Ports whose bus ports are free too, below the ephemeral range, so that they stay free. */
async function freePorts(count: number): Promise<number[]> {
  const found = new Set<number>();
  while (found.size < count) {
    const port = 11_000 + Math.floor(Math.random() * BUS_OFFSET);
    if ((await isFreePort(port)) && (await isFreePort(port + BUS_OFFSET))) found.add(port);
  }
  return [...found];
}
