// compose.yaml against the compose specification (where compose is installed), packages/settings, and .env.example.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineConfig, describeConfig } from '@fleetbridge/service';
import {
  type ContainerFact,
  settings as everySetting,
  inContainers,
  type Process,
  variablesOf,
} from '@fleetbridge/settings';
import { eventually, freePort } from '@fleetbridge/testing';
import { afterAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';

interface Service {
  image: string;
  entrypoint?: string[];
  command?: string | string[];
  healthcheck?: { test: string[] };
  pull_policy?: string;
  environment?: Record<string, string | null>;
  ports?: string[];
  profiles?: string[];
  depends_on?: string[] | Record<string, { condition: string }>;
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
const apps = ['ingest', 'dispatcher', 'streaming', 'gateway'] as const;
const programs = [...apps, 'cli'] as const;
/** What the image sets; compose does not pass it. */
const IN_IMAGE = ['DATA_DIR'];

const client = process.env.DOCKER || 'docker';
const version = spawnSync(client, ['compose', 'version', '--short'], { encoding: 'utf8' });
const hasCompose = version.status === 0 && !/^v?1\./.test(version.stdout);
if (!hasCompose) console.log(`skipped: ${client} has no compose v2 to check compose.yaml with`);
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

  it('passes the variables that .env sets, and no others', () => {
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

  it('begins with the required settings, the only ones that are not commented out', () => {
    expect([...example.matchAll(/^([A-Z_]+)=/gm)].map(([, name]) => name)).toEqual(required);
    expect(example.indexOf('#TELEMETRY_HOST')).toBeGreaterThan(example.indexOf('REDIS_PASSWORD='));
  });

  it('shows the defaults that compose.yaml has', () => {
    for (const [, name, value] of text.matchAll(/\$\{([A-Z_]+):-([^${}]+)\}/g)) {
      // it shows examples instead
      if (/_(CERT|KEY)_FILE$|^CERTIFICATES$|^GATEWAY_HOST$/.test(name!)) continue;
      expect(example).toMatch(new RegExp(`^#${name}=${value!.replaceAll('.', '\\.')}$`, 'm'));
    }
  });

  it('shows the defaults of packages/settings, and valid examples of settings without a default', () => {
    for (const [, name = '', value = ''] of example.matchAll(/^#?([A-Z_]+)=(.*)$/gm)) {
      const setting = settingOf(name);
      if (setting === undefined || value === '') continue;
      const standard = defaultOf(name);
      if (standard !== undefined && standard !== '') expect(`${name}=${value}`).toBe(`${name}=${standard}`);
      // files of /config are not on this machine
      else if (!value.startsWith('/'))
        expect({ name, ok: z.safeParse(setting.value, value).success }).toEqual({ name, ok: true });
    }
  });
});

describe('the services', () => {
  it.each(programs)('%s gets every variable that its program reads, and no other', (program) => {
    const passed = variablesOf(program).filter(
      (name) => containerFact(name, program)?.kind !== 'unset' && !IN_IMAGE.includes(name),
    );
    expect(unique(Object.keys(services[program]!.environment ?? {}))).toEqual(unique(passed));
  });

  it('get no variable that their program does not read', () => {
    const ours = Object.entries(services).filter(([, { image }]) => image.startsWith('fleetbridge-'));
    for (const [service, { image, environment = {} }] of ours) {
      const program = /^fleetbridge-(\w+):/.exec(image)?.[1] as Process;
      const unknown = Object.keys(environment).filter((name) => !variablesOf(program).includes(name));
      expect({ service, unknown }).toEqual({ service, unknown: [] });
    }
  });

  it.each(programs)('%s has the defaults of packages/settings, or those that inContainers explains', (program) => {
    for (const [name, value] of Object.entries(services[program]!.environment ?? {})) {
      const fact = containerFact(name, program);
      if (fact?.kind === 'fixed') expect(`${name}=${value}`).toBe(`${name}=${fact.value}`);
      else if (fact?.kind === 'default') expect(`${name}=${value}`).toBe(`${name}=\${${name}:-${fact.value}}`);
      else if (fact === undefined) expect(`${name}=${value}`).toBe(`${name}=null`);
    }
  });

  it('publish the ports that packages/settings has', () => {
    const ports = Object.values(services).flatMap((service) => service.ports ?? []);
    for (const [, name = '', port] of ports.join('\n').matchAll(/\$\{(\w+):-(\d+)\}/g)) {
      if (settingOf(name) !== undefined) expect(`${name}=${port}`).toBe(`${name}=${defaultOf(name)}`);
    }
  });

  it('come from images with the variables and ports that packages/settings has', () => {
    const dockerfile = readFileSync(join(infra, 'Dockerfile'), 'utf8');
    const [block = ''] = /^ENV (?:.*\\\n)*.*$/m.exec(dockerfile) ?? [];
    const inImage = [...block.matchAll(/([A-Z_]+)=(\S+)/g)].filter(([, name]) => settingOf(name!) !== undefined);
    expect(inImage.map(([, name]) => name)).toEqual([...IN_IMAGE, 'LOG_FORMAT']);
    for (const [, name = '', value] of inImage) {
      const fact = inContainers[name];
      expect(`${name}=${value}`).toBe(`${name}=${fact !== undefined && 'value' in fact ? fact.value : ''}`);
    }
    const checks = [...dockerfile.matchAll(/healthcheck\.mjs", "(\w+)", "(\d+)"/g)];
    expect(checks).toHaveLength(4);
    for (const [, name = '', port] of checks) expect(`${name}=${port}`).toBe(`${name}=${defaultOf(name)}`);
  });

  it('publish the ports of operators on loopback, and neither gRPC, REST nor Redis', () => {
    const open = ['INGEST_PORT', 'STREAMING_PORT', 'HTTP_PORT', 'HTTPS_PORT'];
    const ports = Object.values(services).flatMap((service) => service.ports ?? []);
    for (const port of ports.filter((one) => !open.some((name) => one.includes(`{${name}:`)))) {
      expect(port).toMatch(/^127\.0\.0\.1:/);
    }
    for (const port of ['6379', '50051', '8080']) expect(ports.filter((one) => one.endsWith(`:${port}`))).toEqual([]);
  });

  it('show ingest and streaming the addresses of their clients, so that limits per address work', () => {
    for (const [app, port] of [
      ['ingest', 'INGEST_PORT:-4443}:4443'],
      ['streaming', 'STREAMING_PORT:-8443}:8443'],
    ]) {
      expect(services[app!]!.ports).toContain(`0.0.0.0:\${${port}`);
    }
  });

  it('never pull an image of ours from a registry', () => {
    const ours = Object.values(services).filter(({ image }) => image.startsWith('fleetbridge-'));
    expect(ours).toHaveLength(8);
    for (const { pull_policy: policy } of ours) expect(policy).toBe('never');
  });

  it('have no secret in their arguments, which every process of the machine can read', () => {
    for (const [name, { entrypoint = [], command = [], healthcheck }] of Object.entries(services)) {
      const words = [entrypoint, command, healthcheck?.test ?? []].flat().join(' ');
      expect({ name, secrets: words.match(/(?<!\$)\$\{?\w*(PASSWORD|TOKEN|KEY|SECRET|PASS|AUTH)\b/g) }).toEqual({
        name,
        secrets: null,
      });
    }
  });

  it('have a stop_grace_period longer than SHUTDOWN_SECONDS', () => {
    for (const app of apps) {
      const { stop_grace_period: grace, environment } = services[app]!;
      expect(Number.parseInt(grace!, 10)).toBeGreaterThan(Number(environment?.SHUTDOWN_SECONDS));
    }
  });

  it('start TeslaMate only when streaming is healthy', () => {
    expect(services.teslamate!.depends_on).toMatchObject({ streaming: { condition: 'service_healthy' } });
  });

  it('write to volumes only, TeslaMate excepted', () => {
    const ours = Object.entries(services).filter(([name]) => !name.startsWith('teslamate'));
    expect(ours.filter(([, service]) => service.read_only !== true).map(([name]) => name)).toEqual([]);
  });

  it('come from images with a version, except for TeslaMate, which the user chooses', () => {
    for (const [name, { image }] of Object.entries(services)) {
      if (/^(teslamate|teslamate-grafana)$/.test(name)) continue;
      expect(image).toMatch(/:(v?\d[\w.-]*|\$\{FLEETBRIDGE_VERSION:-local\})\}?$/);
    }
  });
});

describe('redis', () => {
  it.each(['abc123', 'a"b\\c', " it's #1 $HOME `id` $(id) ", 'ü%41'])(
    'gets the password %j from stdin, and its arguments do not have it',
    async (password) => {
      const port = String(await freePort());
      const args = [...words('redis', 'entrypoint'), ...words('redis', 'command')];
      const [shell = '', ...rest] = args.map((word) => (word === '/data' ? folder : word));
      const redis = spawn(shell, [...rest, '--port', port], {
        env: { PATH: process.env.PATH, REDISCLI_AUTH: password },
        stdio: 'ignore',
      });
      const client = (auth: string) =>
        spawnSync('redis-cli', ['-p', port, '-e', 'ping'], { env: { ...process.env, REDISCLI_AUTH: auth } });
      try {
        await eventually(() => client(password).stdout.toString() === 'PONG\n');
        expect(client('wrong').status).not.toBe(0);
        const running = spawnSync('ps', ['-o', 'args=', '-p', String(redis.pid)], { encoding: 'utf8' }).stdout;
        expect(running).toMatch(/^redis-server /);
        expect(running).not.toContain(password);
      } finally {
        redis.kill('SIGKILL');
        await once(redis, 'exit');
      }
    },
  );
});

describe('grafana', () => {
  const start = (password: string) => {
    const [shell = '', ...rest] = words('grafana', 'entrypoint').map((word) => word.replace('/run.sh', 'echo started'));
    return spawnSync(shell, rest, {
      env: { PATH: process.env.PATH, GF_SECURITY_ADMIN_PASSWORD: password },
      encoding: 'utf8',
    });
  };

  it('does not start without a password of its own, and names the variable', () => {
    expect(services.grafana!.environment!.GF_SECURITY_ADMIN_PASSWORD).toBe(`\${GRAFANA_PASSWORD:-}`);
    const { status, stdout, stderr } = start('');
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^GRAFANA_PASSWORD: set it in \.env/);
    expect(start('its own')).toMatchObject({ status: 0, stdout: 'started\n' });
  });
});

/** As compose passes them: with the defaults of variables, `$$` as `$`. */
function words(service: string, part: 'entrypoint' | 'command'): string[] {
  const given = services[service]![part] ?? [];
  const list = typeof given === 'string' ? [given] : given;
  return list.map((word) => word.replaceAll(/\$\{\w+:-([^}]*)\}/g, '$1').replaceAll('$$', '$'));
}

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

function settingOf(name: string): { value: z.ZodType } | undefined {
  return name in everySetting ? everySetting[name as keyof typeof everySetting] : undefined;
}

function containerFact(name: string, program: Process): ContainerFact | undefined {
  return inContainers[`${program}.${name}`] ?? inContainers[name];
}

/** The default in a container, as text. */
function defaultOf(name: string): string | undefined {
  const fact = inContainers[name];
  if (fact?.kind === 'default') return fact.value;
  const setting = settingOf(name);
  return setting === undefined ? undefined : describeConfig(defineConfig({ [name]: setting.value }))[0]?.default;
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)].sort();
}
