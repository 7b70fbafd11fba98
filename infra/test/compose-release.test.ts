// The files of a release against those of the clone.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { releaseFiles } from '../scripts/compose-release.mjs';

type Service = Record<string, unknown> & { image: string; environment?: Record<string, string>; volumes?: unknown[] };

const infra = join(import.meta.dirname, '..');
const read = (file: string) => readFileSync(join(infra, file), 'utf8');
const { compose, example } = releaseFiles({ version: '1.2.3', prefix: 'ghcr.io/owner/' });
const servicesOf = (text: string) => (parse(text, { merge: true }) as { services: Record<string, Service> }).services;
const ours = /^fleetbridge-(\w+):\$\{FLEETBRIDGE_VERSION:-local\}$/;

it('pulls the images of the version instead of building them, and changes nothing else but Caddy', () => {
  const clone = servicesOf(read('compose.yaml'));
  const release = servicesOf(compose);
  expect(Object.keys(release)).toEqual(Object.keys(clone));
  for (const [name, { build, pull_policy, image, ...rest }] of Object.entries(clone)) {
    const app = ours.exec(image)?.[1];
    const pulled = `\${FLEETBRIDGE_IMAGE_PREFIX:-ghcr.io/owner/}fleetbridge-${app}:\${FLEETBRIDGE_VERSION:-1.2.3}`;
    if (name !== 'caddy') expect(release[name]).toEqual({ ...rest, image: app === undefined ? image : pulled });
  }
  expect(compose).not.toMatch(/build|pull_policy|:-local/);
});

it('has the Caddyfile as a variable, which Caddy reads from stdin', () => {
  const { command, environment, volumes, ...rest } = servicesOf(compose).caddy!;
  const clone = servicesOf(read('compose.yaml')).caddy!;
  expect({ ...rest, environment: undefined, volumes: undefined }).toEqual({
    ...clone,
    environment: undefined,
    volumes: undefined,
  });
  // Compose replaces $$ by $.
  expect(environment?.CADDYFILE?.replaceAll('$$', () => '$')).toBe(read('caddy/Caddyfile'));
  const [shell, flag, script] = command as [string, string, string];
  const folder = mkdtempSync(join(tmpdir(), 'fleetbridge-release-'));
  writeFileSync(join(folder, 'caddy'), '#!/bin/sh\necho "$@"; cat\n', { mode: 0o755 });
  const { stdout } = spawnSync(shell, [flag, script.replaceAll('$$', () => '$')], {
    env: { PATH: `${folder}:${process.env.PATH}`, CADDYFILE: read('caddy/Caddyfile') },
    encoding: 'utf8',
  });
  rmSync(folder, { recursive: true });
  expect(stdout).toBe(`run --adapter caddyfile --config -\n${read('caddy/Caddyfile')}\n`);
  expect(volumes).toEqual(clone.volumes!.filter((volume) => !String(volume).startsWith('./caddy:')));
});

it('explains in env.example every variable of compose.release.yaml, and no other', () => {
  const inCompose = [...compose.matchAll(/(?<!\$)\$\{([A-Z_]+)/g)].map(([, name]) => name!);
  const passedOn = [...compose.matchAll(/^ +([A-Z_]+):$/gm)].map(([, name]) => name!);
  const explained = [...example.matchAll(/^#?([A-Z_]+)=/gm)].map(([, name]) => name!);
  expect([...new Set(explained)].sort()).toEqual([...new Set([...inCompose, ...passedOn])].sort());
  expect(example).toContain('\n#FLEETBRIDGE_VERSION=1.2.3\n');
});

it('rejects a version or prefix that makes no image name', () => {
  expect(() => releaseFiles({ version: '', prefix: 'ghcr.io/owner/' })).toThrow('--version: expected an image tag');
  expect(() => releaseFiles({ version: '1.2.3', prefix: 'ghcr.io/Owner/' })).toThrow('--prefix: expected a registry');
});

it('fails when compose.yaml no longer has the expected form', () => {
  const changed = (file: string) => read(file).replaceAll('pull_policy: never', 'pull_policy: missing');
  expect(() => releaseFiles({ version: '1', prefix: 'x/', read: changed })).toThrow('pull_policy not found');
});

it('is written by the workflow of releases with names that exist', () => {
  const workflow = readFileSync(join(infra, '../.github/workflows/release.yml'), 'utf8');
  const { jobs } = parse(workflow) as {
    jobs: Record<string, { strategy?: { matrix: { app: string[] } }; needs?: string[]; steps?: { uses?: string }[] }>;
  };
  expect(jobs.images!.strategy!.matrix.app).toEqual(['ingest', 'dispatcher', 'streaming', 'gateway', 'cli']);
  expect(jobs.images!.needs).toContain('test');
  expect(workflow).toContain('platforms: linux/amd64,linux/arm64');
  for (const { uses = 'a/b@v1' } of Object.values(jobs).flatMap(({ steps = [] }) => steps))
    expect(uses).toMatch(/^[\w/-]+@v\d+$/);
});
