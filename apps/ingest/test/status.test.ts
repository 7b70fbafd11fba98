// The status page of a running ingest, before and after Redis answers, with one process and with several.
import { eventually, freePort, sendRedisCommand, startRedis } from '@fleetbridge/testing';
import { describe, expect } from 'vitest';
import { OTHER_VIN, VIN } from './ingest-rig.js';
import { it } from './ingest-test.js';

describe.each(['1', '2'])('with %s worker(s)', (workers) => {
  it('the page shows that Redis does not answer, and later the connected vehicle and the refused one', async ({
    processes,
  }) => {
    const admin = await freePort();
    const redisPort = await freePort();
    const settings = { INGEST_ADMIN_PORT: String(admin), INGEST_WORKERS: workers };
    const alone = processes.start({ ...settings, REDIS_URL: `redis://127.0.0.1:${redisPort}` });
    const before = await eventually(() => pageAt(admin));
    expect(before.text).toContain('Not ready');
    expect(before.text).toContain('<h2>Next step: Redis</h2>');
    processes.killAll();
    await alone.exited;

    const ingest = processes.start({ ...settings, ALLOWED_VINS: VIN, TELEMETRY_HOST: 'telemetry.example.com' });
    const { ports } = await ingest.ready;
    const first = await pageAt(admin);
    expect(first.text).toContain('Ready for vehicles');
    expect(first.text).toContain('No vehicle has connected yet.');
    expect(first.text).toContain('Not valid for TELEMETRY_HOST (telemetry.example.com).');
    expect(first.text).toContain('Acknowledged records are on disk.');
    expect(first.text).not.toContain(VIN);

    const vehicle = await processes.connect(ports.vehicles);
    await vehicle.fence();
    await expect(processes.connect(ports.vehicles, OTHER_VIN)).rejects.toThrow();
    const second = await pageAt(admin);
    expect(second.text).toMatch(new RegExp(`<th scope="row">${VIN}</th><td>for \\d+ s</td><td><time `));
    expect(second.text).toContain('1 connection refused');
    expect(second.text).not.toContain(OTHER_VIN);
    expect(second.headers.get('content-security-policy')).toMatch(/^default-src 'none'/);

    const head = await fetch(`http://127.0.0.1:${admin}/`, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
    expect((await fetch(`http://127.0.0.1:${admin}/nothing`)).status).toBe(404);
  });
});

it('a hanging Redis does not delay the page', async ({ redisServer, processes }) => {
  const ingest = processes.start();
  const { ports } = await ingest.ready;
  redisServer.pause();
  try {
    const { status, text } = await pageAt(ports.admin);
    expect(status).toBe(200);
    expect(text).toContain('<h2>Next step: Redis</h2>');
  } finally {
    redisServer.resume();
  }
});

describe('a Redis that can not keep what it acknowledges', () => {
  it.for([
    [
      ['--maxmemory', '4mb', '--maxmemory-policy', 'allkeys-lru', '--save', ''],
      'evicts_records',
      'maxmemory-policy noeviction',
    ],
    [['--replicaof', 'MASTER'], 'read_only', 'not a replica'],
    [['--min-replicas-to-write', '1'], 'writes_rejected', 'start missing replicas'],
  ] as const)(
    '%j: not ready with the reason, before the first record',
    async ([args, reason, remedy], { redisServer, processes, cleanup }) => {
      const other = await startRedis(args.map((arg) => (arg === 'MASTER' ? `127.0.0.1 ${redisServer.port}` : arg)));
      cleanup.push(() => other.stop());
      const admin = await freePort();
      const ingest = processes.start({ REDIS_URL: other.url, INGEST_ADMIN_PORT: String(admin) });
      const report = async () => JSON.parse((await pageAt(admin, '/readyz')).text);
      await eventually(async () => (await report()).checks.redis_writes?.reason === reason);
      const { ready, checks } = await report();
      expect([ready, checks.vehicles_port.ready]).toEqual([false, false]);
      const { text } = await pageAt(admin);
      expect(text).toContain('<h2>Next step: Redis</h2>');
      expect(text).toContain(remedy);
      const line = ingest.lines().find(({ event }) => event === 'redis_unsuitable');
      expect(line).toMatchObject({ level: 'error', reason, remedy: expect.stringContaining(remedy) });
      await sendRedisCommand(other.port, 'REPLICAOF', 'NO', 'ONE');
      await sendRedisCommand(other.port, 'CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
      await sendRedisCommand(other.port, 'CONFIG', 'SET', 'min-replicas-to-write', '0');
      await ingest.ready;
      expect((await report()).ready).toBe(true);
    },
  );

  it('is warned of and used when it deletes no records', async ({ processes, cleanup }) => {
    const other = await startRedis(['--maxmemory', '64mb', '--maxmemory-policy', 'volatile-lru']);
    cleanup.push(() => other.stop());
    const ingest = processes.start({ REDIS_URL: other.url });
    await ingest.ready;
    expect(ingest.lines()).toContainEqual(expect.objectContaining({ event: 'redis_evicts', policy: 'volatile-lru' }));
    expect((await ingest.admin('/')).text).toContain('at a memory limit it deletes keys');
  });
});

async function pageAt(port: number, route = '/') {
  const response = await fetch(`http://127.0.0.1:${port}${route}`);
  return { status: response.status, headers: response.headers, text: await response.text() };
}
