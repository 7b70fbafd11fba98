// compose.yaml against what it promises: the compose specification (checked by compose itself, where it is), the schemas
// of the programs, and .env.example.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { dispatcherConfig } from '../../apps/dispatcher/src/config.js';
import { ingestConfig } from '../../apps/ingest/src/config.js';
import { streamingConfig } from '../../apps/streaming/src/config.js';

interface Service {
  image: string;
  pull_policy?: string;
  environment: Record<string, string | null>;
  ports?: string[];
  profiles?: string[];
  stop_grace_period?: string;
  read_only?: boolean;
  volumes: unknown[];
}

const infra = join(import.meta.dirname, '..');
const file = join(infra, 'compose.yaml');
const text = readFileSync(file, 'utf8');
const { services } = parse(text, { merge: true }) as { services: Record<string, Service> };
const example = readFileSync(join(infra, '.env.example'), 'utf8');
const required = ['DOMAIN', 'ALLOWED_VINS', 'REDIS_PASSWORD'];
const apps = ['ingest', 'dispatcher', 'streaming'] as const;

const client = process.env.DOCKER || 'docker';
const version = spawnSync(client, ['compose', 'version', '--short'], { encoding: 'utf8' });
const hasCompose = version.status === 0 && !/^v?1\./.test(version.stdout);
if (!hasCompose) console.log(`skipped: ${client} has no compose v2, so nothing here asks it about compose.yaml`);
const folder = mkdtempSync(join(tmpdir(), 'fleetbridge-compose-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(!hasCompose)('compose itself', () => {
  it('accepts the file with the required settings alone, and with every profile', () => {
    expect(config(settings())).toMatchObject({ status: 0, stderr: '' });
    expect(config(settings(), ['--profile', '*'])).toMatchObject({ status: 0, stderr: '' });
  });

  it.each(required)('stops without %s, and names it', (missing) => {
    const { status, stderr } = config(settings({ [missing]: '' }));
    expect(status).not.toBe(0);
    expect(stderr).toMatch(new RegExp(`required variable ${missing} is missing a value: set it in \\.env`));
  });

  it('passes on what .env sets, and nothing else', () => {
    const { stdout } = config(settings({ LOG_LEVEL: 'debug' }), ['--format', 'json']);
    const { environment } = JSON.parse(stdout).services.ingest;
    expect(environment).toMatchObject({ LOG_LEVEL: 'debug', MAX_CONNECTIONS: null });
    expect(environment.INGEST_CERT_FILE).toBe('/certificates/certificates/*/example.com/example.com.crt');
  });
});

describe('.env.example', () => {
  it('explains every setting of compose.yaml, and no other', () => {
    const inCompose = [...text.matchAll(/\$\{([A-Z_]+)/g)].map(([, name]) => name!);
    const passedOn = [...text.matchAll(/^ +([A-Z_]+):$/gm)].map(([, name]) => name!);
    const explained = [...example.matchAll(/^#?([A-Z_]+)=/gm)].map(([, name]) => name!);
    expect(unique(explained)).toEqual(unique([...inCompose, ...passedOn]));
  });

  it('begins with the required ones, which are the only ones that are not commented out', () => {
    expect([...example.matchAll(/^([A-Z_]+)=/gm)].map(([, name]) => name)).toEqual(required);
    expect(example.indexOf('#TELEMETRY_HOST')).toBeGreaterThan(example.indexOf('REDIS_PASSWORD='));
  });

  it('shows the defaults that compose.yaml has', () => {
    for (const [, name, value] of text.matchAll(/\$\{([A-Z_]+):-([^${}]+)\}/g)) {
      if (/_(CERT|KEY)_FILE$|^CERTIFICATES$/.test(name!)) continue; // there it shows how to have others
      expect(example).toMatch(new RegExp(`^#${name}=${value!.replaceAll('.', '\\.')}$`, 'm'));
    }
  });
});

describe('the services', () => {
  // Where they listen in their container is fixed, and so is what the image sets.
  const fixed = /^(DATA_DIR|LOG_FORMAT|INGEST_HOST|STREAMING_BIND|(INGEST|STREAMING|DISPATCHER)(_ADMIN|_GRPC)?_PORT)$/;
  const schemas = { ingest: ingestConfig, dispatcher: dispatcherConfig, streaming: streamingConfig };

  it.each(apps)('%s can be given every setting that the program has, and no other', (app) => {
    const known = Object.keys(schemas[app].object.shape).filter((name) => !fixed.test(name));
    expect(unique(Object.keys(services[app]!.environment))).toEqual(unique(known));
  });

  it('publish what is for operators on loopback, and gRPC and Redis not at all', () => {
    const open = ['INGEST_PORT', 'STREAMING_PORT', 'HTTP_PORT', 'HTTPS_PORT'];
    const ports = Object.values(services).flatMap((service) => service.ports ?? []);
    for (const port of ports.filter((one) => !open.some((name) => one.includes(`{${name}:`)))) {
      expect(port).toMatch(/^127\.0\.0\.1:/);
    }
    for (const port of ['6379', '50051']) expect(ports.filter((one) => one.endsWith(`:${port}`))).toEqual([]);
  });

  it('show ingest and streaming the addresses of their clients, so that no stranger uses up the limits of others', () => {
    for (const [app, port] of [
      ['ingest', 'INGEST_PORT:-4443}:4443'],
      ['streaming', 'STREAMING_PORT:-8443}:8443'],
    ]) {
      expect(services[app!]!.ports).toContain(`0.0.0.0:\${${port}`);
    }
  });

  it('never take an image of ours from a registry', () => {
    const ours = Object.values(services).filter(({ image }) => image.startsWith('fleetbridge-'));
    expect(ours).toHaveLength(7);
    for (const { pull_policy: policy } of ours) expect(policy).toBe('never');
  });

  it('may stop for longer than SHUTDOWN_SECONDS', () => {
    for (const app of apps) {
      const { stop_grace_period: grace, environment } = services[app]!;
      expect(Number.parseInt(grace!, 10)).toBeGreaterThan(Number(environment.SHUTDOWN_SECONDS));
    }
  });

  it('write to volumes only, as far as they are ours', () => {
    const ours = Object.entries(services).filter(([name]) => !name.startsWith('teslamate'));
    expect(ours.filter(([, service]) => service.read_only !== true).map(([name]) => name)).toEqual([]);
  });

  it('come from images with a version, but for TeslaMate, whose version is its owner’s choice', () => {
    for (const [name, { image }] of Object.entries(services)) {
      if (/^(teslamate|teslamate-grafana)$/.test(name)) continue;
      expect(image).toMatch(/:(v?\d[\w.-]*|\$\{FLEETBRIDGE_VERSION:-local\})\}?$/);
    }
  });
});

function settings(changes: Record<string, string> = {}): Record<string, string> {
  return { DOMAIN: 'example.com', ALLOWED_VINS: 'none', REDIS_PASSWORD: 'abc', ...changes };
}

function config(values: Record<string, string>, args: string[] = []) {
  const env = join(folder, '.env');
  writeFileSync(
    env,
    Object.entries(values)
      .map(([name, value]) => `${name}=${value}\n`)
      .join(''),
  );
  const profiles = args.filter((_, index) => args.indexOf('--profile') >= 0 && index < 2);
  const rest = args.slice(profiles.length);
  const { PATH, HOME = '', DOCKER_CONFIG } = process.env;
  return spawnSync(client, ['compose', '-f', file, '--env-file', env, ...profiles, 'config', ...rest], {
    encoding: 'utf8',
    env: { PATH, HOME, ...(DOCKER_CONFIG === undefined ? {} : { DOCKER_CONFIG }) },
  });
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)].sort();
}
