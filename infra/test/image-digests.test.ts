// The images of a release are pinned to digests that a registry has. The registry is a local server with the protocol of
// real ones: a challenge, a token, a manifest.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { parse } from 'yaml';
import { releaseFiles } from '../scripts/compose-release.mjs';
import { withDigests } from '../scripts/image-digests.mjs';

const script = join(import.meta.dirname, '..', 'scripts', 'image-digests.mjs');
const manifest = '{"schemaVersion":2,"manifests":[]}';
const digest = `sha256:${createHash('sha256').update(manifest).digest('hex')}`;
const folder = mkdtempSync(join(tmpdir(), 'fleetbridge-digests-'));
const file = join(folder, 'compose.yaml');

let registry: Server;
let host: string;
let claimedDigest: string;
let requests: string[];

beforeAll(async () => {
  registry = createServer((request, response) => {
    const { url = '', headers } = request;
    requests.push(`${url} ${headers.authorization ?? '-'}`);
    if (url.startsWith('/token')) {
      const mayPull = url.includes('public') || headers.authorization === 'Basic dXNlcjpwYXNz';
      response.statusCode = mayPull ? 200 : 403;
      response.end(JSON.stringify({ token: 'pull' }));
    } else if (headers.authorization !== 'Bearer pull') {
      const scope = `repository:${url.split('/').slice(2, -2).join('/')}:pull`;
      response.statusCode = 401;
      response.setHeader('www-authenticate', `Bearer realm="http://${host}/token",service="test",scope="${scope}"`);
      response.end();
    } else if (!/\/manifests\/(1|2\.0)$/.test(url)) {
      response.statusCode = 404;
      response.end();
    } else {
      response.setHeader('docker-content-digest', claimedDigest);
      response.end(manifest);
    }
  });
  await new Promise<void>((resolve) => registry.listen(0, '127.0.0.1', resolve));
  host = `127.0.0.1:${(registry.address() as AddressInfo).port}`;
});
beforeEach(() => {
  claimedDigest = digest;
  requests = [];
  writeFileSync(join(folder, 'config.json'), JSON.stringify({ auths: { [host]: { auth: 'dXNlcjpwYXNz' } } }));
});
afterAll(() => {
  registry.close();
  rmSync(folder, { recursive: true });
});

it('writes the digest into the default, so that a variable of the user still selects the image', async () => {
  const { code, stdout } = await pin([
    `    image: \${REDIS_IMAGE:-${host}/public/redis:2.0}`,
    `    image: \${PREFIX:-${host}/owner/}fleetbridge-ingest:\${FLEETBRIDGE_VERSION:-1}`,
    `    image: ${host}/public/plain:1`,
    `    image: ${host}/public/teslamate:\${TESLAMATE_VERSION:-latest}`,
    `    image: ${host}/public/pinned:1@sha256:abc`,
    '    # image: is only a comment',
  ]);
  expect(code).toBe(0);
  expect(readFileSync(file, 'utf8').split('\n')).toEqual([
    `    image: \${REDIS_IMAGE:-${host}/public/redis:2.0@${digest}}`,
    `    image: \${PREFIX:-${host}/owner/}fleetbridge-ingest:\${FLEETBRIDGE_VERSION:-1@${digest}}`,
    `    image: ${host}/public/plain:1@${digest}`,
    `    image: ${host}/public/teslamate:\${TESLAMATE_VERSION:-latest}`,
    `    image: ${host}/public/pinned:1@sha256:abc`,
    '    # image: is only a comment',
  ]);
  expect(stdout.trim().split('\n')).toContain(`${host}/owner/fleetbridge-ingest:1 ${digest}`);
  expect(requests.filter((one) => one.startsWith('/v2/owner') && one.endsWith('Bearer pull'))).toHaveLength(1);
});

it.each([
  ['a tag that the registry does not have', () => `${host}/public/redis:9`, /:9: .* answers with 404/],
  ['an image that the login may not pull', () => `${host}/owner/secret:1`, /owner\/secret: .* answers with 403/],
  ['a registry that is not there', () => '127.0.0.1:1/public/redis:1', /127\.0\.0\.1:1: /],
  ['a variable without a default', () => `\${ANY}/redis:1`, /expected a default for each variable/],
])('writes nothing because of %s', async (_, reference, message) => {
  writeFileSync(join(folder, 'config.json'), '{}');
  const lines = [`    image: ${host}/public/plain:1`, `    image: ${reference()}`];
  const { code, stderr } = await pin(lines);
  expect(code).toBe(1);
  expect(stderr).toMatch(message);
  expect(readFileSync(file, 'utf8')).toBe(lines.join('\n'));
});

it('writes nothing when the manifest does not have the digest that the registry claims', async () => {
  claimedDigest = `sha256:${'0'.repeat(64)}`;
  const { code, stderr } = await pin([`image: ${host}/public/plain:1`]);
  expect(code).toBe(1);
  expect(stderr).toContain('the registry claims sha256:000');
  expect(readFileSync(file, 'utf8')).not.toContain('sha256');
});

it('covers every image of compose.release.yaml except those of TeslaMate, whose version the user chooses', async () => {
  const { compose } = releaseFiles({ version: '1.2.3', prefix: 'ghcr.io/owner/' });
  const pinned: string = await withDigests(compose, async () => digest);
  const images = pinned.match(/^ *image: .*$/gm)!;
  expect(images.length).toBeGreaterThan(10);
  expect(images.filter((line) => !line.includes(digest))).toEqual([
    expect.stringContaining('teslamate/teslamate:'),
    expect.stringContaining('teslamate/grafana:'),
  ]);
  expect(pinned.replaceAll(`@${digest}`, '')).toBe(compose);
});

it('is called by the workflow of releases after the images are pushed', () => {
  const workflow = readFileSync(join(import.meta.dirname, '../../.github/workflows/release.yml'), 'utf8');
  const { release } = parse(workflow).jobs;
  expect(release.needs).toContain('images');
  expect(JSON.stringify(release.steps)).toContain('image-digests.mjs release/compose.release.yaml');
});

async function pin(lines: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  writeFileSync(file, lines.join('\n'));
  const env = { PATH: process.env.PATH, DOCKER_CONFIG: folder };
  try {
    return { code: 0, ...(await promisify(execFile)(process.execPath, [script, file], { env })) };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, stdout, stderr };
  }
}
