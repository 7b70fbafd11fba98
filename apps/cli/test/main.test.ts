// The build, as a user runs it.
import { spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { VERSION } from '@fleetbridge/service';
import { afterEach, beforeEach, expect, it } from 'vitest';

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'cli-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function fleetbridge(args: string[], env: NodeJS.ProcessEnv = {}) {
  const { PATH } = process.env;
  return spawnSync(process.execPath, [main, ...args], { env: { PATH, ...env }, encoding: 'utf8', cwd: directory });
}

it('lists its commands, and prints the help of each', () => {
  const { status, stdout } = fleetbridge(['--help']);
  expect(status).toBe(0);
  for (const name of ['up', 'simulate', 'ca', 'cert']) {
    expect(stdout).toMatch(new RegExp(`^  ${name} +\\w`, 'm'));
    const help = fleetbridge([name, '--help']);
    expect(help.status).toBe(0);
    expect(help.stdout).toContain(`Usage: fleetbridge ${name}`);
  }
});

it('exits with code 2 and one sentence on a mistake in the arguments', () => {
  for (const [args, sentence] of [
    [['fly'], 'unknown command "fly"'],
    [['tial'], 'unknown command "tial"; did you mean "tail"?'],
    [['--fly'], 'unknown option --fly'],
    [['constructor'], 'unknown command "constructor"'],
    [['simulate', '--vims', '3'], "simulate: Unknown option '--vims'"],
  ] as const) {
    const { status, stdout, stderr } = fleetbridge([...args]);
    expect(stderr).toContain(sentence);
    expect([status, stdout]).toEqual([2, '']);
  }
});

it('prints its version', () => {
  expect(fleetbridge(['--version'])).toMatchObject({ status: 0, stdout: `${VERSION}\n` });
});

it('reports that nothing is running, without the words of the Redis client', () => {
  mkdirSync(join(directory, 'data', 'redis'), { recursive: true });
  writeFileSync(join(directory, 'data', 'redis', 'url'), 'redis://127.0.0.1:1');
  const { status, stderr } = fleetbridge(['tail']);
  expect([status, stderr]).toEqual([
    1,
    `fleetbridge tail: fleetbridge is not running in ${join(directory, 'data')}; start it with npm start, or set DATA_DIR or REDIS_URL\n`,
  ]);
});

it('reports an error as an object with --json, also in the arguments, the settings and Redis', () => {
  for (const [args, env, status, expected] of [
    [['setup', '--vin', 'X'], {}, 2, { problem: 'arguments_not_valid', text: /17 letters/, remedy: /setup --help/ }],
    [['setup'], { FLEET_API_URL: 'tesla' }, 2, { problem: 'settings_not_valid', text: /FLEET_API_URL/ }],
    [['config', 'diff'], { REDIS_URL: 'redis://127.0.0.1:1' }, 1, { problem: 'command_failed', text: /ECONNREFUSED/ }],
  ] as const) {
    const ended = fleetbridge([...args, '--json'], env);
    expect([ended.status, ended.stdout.split('\n').length]).toEqual([status, 2]);
    const { text, remedy, ...object } = JSON.parse(ended.stdout);
    expect({ ...object }).toEqual({ result: 'failed', problem: expected.problem });
    expect(text).toMatch(expected.text);
    if ('remedy' in expected) expect(remedy).toMatch(expected.remedy);
    expect(ended.stderr).not.toMatch(/^ +at /m);
  }
});

it('reports every mistake of the configuration of up and starts nothing', () => {
  const { status, stderr } = fleetbridge(['up'], { INGEST_PORT: 'x', AUTH: 'y', DATA_DIR: join(directory, 'data') });
  expect(status).toBe(2);
  expect(stderr).toContain('The configuration has 2 mistakes:');
  expect(stderr).toContain('INGEST_PORT: expected a port number');
  expect(stderr).toContain('AUTH: expected one of token, none');
  expect(existsSync(join(directory, 'data'))).toBe(false);
});

it('creates the server certificate for all names of the servers', () => {
  const made = fleetbridge(['cert', 'server', '--host', 'ingest'], { STREAMING_HOST: 'stream.example.com' });
  expect(made).toMatchObject({ status: 0, stderr: '' });
  const [certFile = ''] = made.stdout.trim().split('\n');
  expect(certFile).toBe(join(directory, 'data', 'pki', 'server.pem'));
  const { subjectAltName } = new X509Certificate(readFileSync(certFile));
  for (const host of ['DNS:localhost', 'DNS:ingest', 'DNS:stream.example.com']) expect(subjectAltName).toContain(host);
});

it('creates a vehicle certificate, and shows the CA that signs it', () => {
  const made = fleetbridge(['cert', 'vehicle', '5YJ3E1EA7KF000009']);
  expect(made.status).toBe(0);
  const [certFile = '', keyFile = ''] = made.stdout.trim().split('\n');
  expect(certFile).toBe(join(directory, 'data', 'pki', 'vehicles', '5YJ3E1EA7KF000009.pem'));
  expect(statSync(keyFile).mode & 0o777).toBe(0o600);
  const shown = fleetbridge(['ca']);
  expect(shown.stdout).toContain(join(directory, 'data', 'pki', 'ca.pem'));
  expect(shown.stdout).toMatch(/SHA-256 {2}([0-9A-F]{2}:){31}[0-9A-F]{2}/);
});
