// The build's `fleetbridge migrate`, with the configuration that Tesla's documentation shows.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const documented = {
  host: '0.0.0.0',
  port: 443,
  log_level: 'info',
  json_log_enable: true,
  namespace: 'tesla_telemetry',
  reliable_ack: false,
  monitoring: { prometheus_metrics_port: 9090, profiler_port: 4269, profiling_path: '/tmp/trace.out' },
  rate_limit: { enabled: true, message_interval_time: 30, message_limit: 1000 },
  mqtt: { broker: 'mosquitto:1883', username: 'u', password: 'hunter2', topic_base: 'telemetry' },
  records: { alerts: ['logger'], errors: ['logger'], V: ['logger', 'mqtt'] },
  tls: { server_cert: '/certs/cert.pem', server_key: '/certs/key.pem' },
};

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'cli-migrate-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function migrate(text: string, ...args: string[]) {
  writeFileSync(join(directory, 'config.json'), text);
  const { PATH } = process.env;
  const all = [main, 'migrate', 'config.json', ...args];
  return spawnSync(process.execPath, all, { env: { PATH }, encoding: 'utf8', cwd: directory });
}

it('writes private files, keeps existing ones without --force, and prints what is left to do', () => {
  // Windows editors write a byte order mark.
  const { status, stdout, stderr } = migrate(`\uFEFF${JSON.stringify(documented)}`);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  for (const title of ['Carried over:', 'Works differently:', 'Not carried over:', 'Next:'])
    expect(stdout).toContain(title);
  expect(stdout).not.toContain('hunter2');
  expect(readdirSync(directory).sort()).toEqual(['.env', 'config.json', 'mqtt-password', 'subscriptions.yaml']);
  expect(statSync(join(directory, '.env')).mode & 0o777).toBe(0o600);
  const written = readFileSync(join(directory, '.env'), 'utf8');
  expect(written).toMatch(/^REDIS_PASSWORD=[0-9a-f]{48}$/m);

  const again = migrate(JSON.stringify(documented));
  expect(again.status).toBe(1);
  expect(again.stderr).toMatch(/\.env.* already exists; use --force/);
  expect(readFileSync(join(directory, '.env'), 'utf8')).toBe(written);

  expect(migrate(JSON.stringify(documented), '--force').status).toBe(0);
  expect(readFileSync(join(directory, '.env'), 'utf8')).not.toBe(written);
});

it('writes nothing from a file with mistakes, and names each of them', () => {
  const { status, stderr } = migrate(JSON.stringify({ ...documented, port: '443', records: { V: ['rabbit'] } }));
  expect(status).toBe(2);
  expect(stderr).toMatch(/port: expected a port number.*"443"/);
  expect(stderr).toContain('records.V: expected a list of logger');
  expect(readdirSync(directory)).toEqual(['config.json']);
});

it('lists unknown keys with the mistakes, each with the key that was probably meant', () => {
  const rate_limit = { enabled: true, message_limit: 1000, message_interval_time_seconds: 30 };
  const { status, stderr } = migrate(JSON.stringify({ ...documented, rate_limit, prot: 443 }));
  expect(status).toBe(2);
  expect(stderr).toMatch(/rate_limit\.message_interval_time: must be at least 1/);
  expect(stderr).toContain(
    'rate_limit.message_interval_time_seconds: unknown key; did you mean rate_limit.message_interval_time?',
  );
  expect(stderr).toContain('prot: unknown key; did you mean port?');
});

it('names the line of a JSON error without quoting the file', () => {
  const { status, stderr } = migrate('{\n"mqtt": { "password": "hunter2", } }');
  expect([status, stderr]).toEqual([2, expect.stringContaining('config.json: not valid JSON (line 2)')]);
  expect(stderr).not.toContain('hunter2');
});
