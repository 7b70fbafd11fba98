// The build's `fleetbridge ca fetch` against a local server, without access to the Internet.
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createAuthority, ensureDevelopmentPki } from '@fleetbridge/pki';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const copies = fileURLToPath(new URL('../../../../shared/tesla-ca/', import.meta.url));
const hasBundles = existsSync(copies);
if (!hasBundles)
  console.log("skipped: Tesla's CA bundles are not in ../shared/tesla-ca (the repository must not contain them)");
const stranger = createAuthority({ commonName: 'Somebody Else CA', days: 100 });

let server: Server;
let url: string;
let answer: { status: number; text: string };
let serverDirectory: string;
let serverCaFile: string;
let directory: string;

beforeAll(async () => {
  serverDirectory = mkdtempSync(join(tmpdir(), 'cli-ca-server-'));
  const pki = ensureDevelopmentPki({ directory: serverDirectory, hosts: [], vins: [] });
  serverCaFile = pki.serverAuthority.certFile;
  const pair = { cert: readFileSync(pki.server.certFile), key: readFileSync(pki.server.keyFile) };
  server = createServer(pair, (_, response) => response.writeHead(answer.status).end(answer.text));
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  url = `https://localhost:${(server.address() as { port: number }).port}/prod_ca.crt`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
  rmSync(serverDirectory, { recursive: true });
});
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'cli-ca-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function caFetch(
  args: string[],
  env: NodeJS.ProcessEnv = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const { PATH } = process.env;
  const environment = { PATH, DATA_DIR: directory, NODE_EXTRA_CA_CERTS: serverCaFile, ...env };
  return new Promise((resolve) => {
    execFile(process.execPath, [main, 'ca', 'fetch', ...args], { env: environment }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
  });
}

describe.skipIf(!hasBundles)('with a valid bundle', () => {
  const production = () => readFileSync(join(copies, 'prod_ca.crt'), 'utf8');
  const stored = () => readFileSync(join(directory, 'pki', 'tesla-ca.pem'), 'utf8');

  it('stores the bundle, and prints the file, the expired CAs and the next step', async () => {
    answer = { status: 200, text: production() };
    const first = await caFetch(['--from', url]);
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(first.stdout).toMatch(/tesla-ca\.pem: 14 Tesla production CAs, updated\n/);
    expect(first.stdout).toContain('  expired on 2025-05-06T05:29:26.000Z: ');
    expect(first.stdout).toContain('INGEST_CA_BUNDLE=production');
    expect(stored().match(/BEGIN CERTIFICATE/g)).toHaveLength(14);
    expect((await caFetch(['--from', url])).stdout).toContain('unchanged');
  });

  it('stores the engineering CAs in a separate file', async () => {
    const fetched = await caFetch(['--engineering', '--from', join(copies, 'eng_ca.crt')]);
    expect(fetched.stdout).toMatch(/tesla-eng-ca\.pem: 8 Tesla engineering CAs, updated\n/);
  });

  it('omits and reports an unknown CA until its fingerprint is accepted', async () => {
    answer = { status: 200, text: production() + stranger.certificatePem };
    const { code, stdout } = await caFetch(['--from', url]);
    expect(code).toBe(0);
    expect(stdout).toContain('UNKNOWN to this version and omitted: CN=Somebody Else CA');
    expect(stored()).not.toContain(stranger.certificatePem);
    const fingerprint = /CA_ACCEPT=([0-9a-f]{64}) /.exec(stdout)![1]!;
    const accepted = await caFetch(['--from', url], { CA_ACCEPT: fingerprint });
    expect(accepted.stdout).toContain('15 Tesla production CAs, updated');
    expect(stored()).toContain(stranger.certificatePem);
  });

  it('keeps the stored bundle when the next one can not be fetched', async () => {
    answer = { status: 200, text: production() };
    await caFetch(['--from', url]);
    const before = stored();
    for (const bad of [
      { status: 404, text: production() },
      { status: 200, text: '<html>' },
      { status: 200, text: stranger.certificatePem },
    ]) {
      answer = bad;
      const { code, stdout } = await caFetch(['--from', url]);
      expect(code).toBe(0);
      expect(stdout).toMatch(/tesla-ca\.pem is unchanged\.\n$/);
      expect(stored()).toBe(before);
    }
  });
});

it('exits with code 1 and prints the manual steps when there is no stored bundle and the download fails', async () => {
  answer = { status: 503, text: '' };
  const { code, stdout, stderr } = await caFetch(['--from', url]);
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toContain(`${url} answered 503`);
  expect(stderr).toMatch(
    /Download this file[\s\S]*fleet-telemetry\/main\/config\/files\/prod_ca\.crt[\s\S]*ca fetch --from/,
  );
  expect(existsSync(join(directory, 'pki'))).toBe(false);
});

it('rejects a server certificate of an unknown CA', async () => {
  answer = { status: 200, text: '' };
  const { code, stderr } = await caFetch(['--from', url], { NODE_EXTRA_CA_CERTS: '' });
  expect(code).toBe(1);
  expect(stderr).toMatch(/can't fetch .*certificate/);
});

it('rejects unexpected arguments', async () => {
  const { code, stderr } = await caFetch(['now']);
  expect([code, stderr.split('\n')[0]]).toEqual([2, 'fleetbridge ca: unexpected argument "now"']);
});
