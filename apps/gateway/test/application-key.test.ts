// The public key of the application at the address where Tesla fetches it, from a real gateway: no token is needed, and
// the file may appear, change and break while the gateway runs.
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { newPrivateKey } from '@fleetbridge/pki';
import { applicationKeyFile, applicationKeyFromPem, loadOrCreateApplicationKey } from '@fleetbridge/tesla-account';
import { describe, expect } from 'vitest';
import { PUBLIC_KEY_PATH } from '../src/application-key/index.js';
import { type Rig, type RigOptions, it as rigIt } from './gateway-rig.js';

interface KeyRig extends Rig {
  /** DATA_DIR/tesla. */
  directory: string;
  /** Of the application key. */
  file: string;
  get: (method?: string) => ReturnType<Rig['request']>;
  logged: (event: string) => Record<string, unknown>[];
}

const it = rigIt.extend<{ startKeyRig: (options?: RigOptions) => Promise<KeyRig> }>({
  startKeyRig: async ({ startRig, cleanup }, use) => {
    await use(async (options) => {
      const dataDirectory = mkdtempSync(join(tmpdir(), 'fleetbridge-key-'));
      cleanup.push(() => rmSync(dataDirectory, { recursive: true, force: true }));
      const rig = await startRig({ ...options, env: { DATA_DIR: dataDirectory } });
      const directory = join(dataDirectory, 'tesla');
      return {
        ...rig,
        directory,
        file: applicationKeyFile(directory),
        get: (method = 'GET') => rig.request(PUBLIC_KEY_PATH, { method, token: '' }),
        logged: (event) => rig.lines.filter((line) => line.event === event),
      };
    });
  },
});

const newPem = () => newPrivateKey().export({ type: 'pkcs8', format: 'pem' }).toString();

describe('the public key', () => {
  it('is served without a token as soon as the key exists', async ({ startKeyRig }) => {
    const rig = await startKeyRig();
    const before = await rig.get();
    expect(before.status).toBe(404);
    expect(before.body).toMatchObject({ response: null, error: 'no_application_key' });
    expect(before.body.error_description).toContain('fleetbridge setup');

    const { publicKey } = loadOrCreateApplicationKey(rig.directory);
    const { status, headers, body } = await rig.get();
    expect(status).toBe(200);
    expect(body).toBe(publicKey.pem);
    expect(body).toMatch(/^-----BEGIN PUBLIC KEY-----\n/);
    expect(headers.get('content-type')).toBe('application/x-pem-file');
    expect(headers.get('cache-control')).toBe('public, max-age=60');

    const head = await rig.get('HEAD');
    expect([head.status, head.headers.get('content-length')]).toEqual([200, String(publicKey.pem.length)]);
    expect(head.body).toBeUndefined();
    const post = await rig.get('POST');
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  });

  it('is the one of the present file: replaced, removed, and of every form of key file', async ({ startKeyRig }) => {
    const rig = await startKeyRig();
    loadOrCreateApplicationKey(rig.directory);
    const first = (await rig.get()).body;
    const second = newPem();
    writeFileSync(rig.file, second);
    expect((await rig.get()).body).toBe(applicationKeyFromPem(second).publicKey.pem);
    expect((await rig.get()).body).not.toBe(first);

    const sec1 = newPrivateKey();
    writeFileSync(rig.file, sec1.export({ type: 'sec1', format: 'pem' }).toString());
    const { publicKey } = applicationKeyFromPem(sec1.export({ type: 'pkcs8', format: 'pem' }).toString());
    expect((await rig.get()).body).toBe(publicKey.pem);

    rmSync(rig.directory, { recursive: true });
    expect((await rig.get()).status).toBe(404);
  });

  it('is refused for a file that is not a key, with the reason in the log, once', async ({ startKeyRig }) => {
    const rig = await startKeyRig();
    const { directory, file } = rig;
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const pem = newPem();
    const cut = pem.slice(0, pem.length / 2);
    writeFileSync(file, cut, { mode: 0o600 });
    for (let n = 0; n < 3; n++) {
      const { status, body } = await rig.get();
      expect([status, body.error]).toEqual([500, 'application_key_not_usable']);
      expect(body.error_description).toContain('log');
    }
    const rejected = rig.logged('application_key_rejected');
    expect(rejected).toEqual([expect.objectContaining({ file, problem: 'application_key_not_valid' })]);
    expect(JSON.stringify(rig.lines)).not.toContain(cut.split('\n')[1]);

    writeFileSync(file, pem);
    expect((await rig.get()).body).toBe(applicationKeyFromPem(pem).publicKey.pem);

    // a folder that this user may not look into; root may
    if (process.getuid?.() === 0) return;
    chmodSync(directory, 0o000);
    expect((await rig.get()).status).toBe(500);
    chmodSync(directory, 0o700);
    expect((await rig.get()).status).toBe(200);
  });

  it('never has the private key in an answer or in the log', async ({ startKeyRig }) => {
    const rig = await startKeyRig();
    loadOrCreateApplicationKey(rig.directory);
    const secret = readFileSync(rig.file, 'utf8').split('\n')[1]!;
    const answers = [await rig.get(), await rig.get('HEAD'), await rig.get('POST')];
    expect(JSON.stringify([answers, rig.lines])).not.toContain(secret);
  });
});

it('counts connections for the key as not admitted, so that a flood of them keeps no client out', async ({
  startKeyRig,
  cleanup,
}) => {
  const rig = await startKeyRig({ limits: { unadmittedPerAddress: 3 } });
  loadOrCreateApplicationKey(rig.directory);
  const sockets: Socket[] = [];
  cleanup.push(() => {
    for (const socket of sockets) socket.destroy();
  });
  for (let n = 0; n < 4; n++) {
    const socket = connect(rig.port, '127.0.0.1');
    socket.on('error', () => {});
    sockets.push(socket);
    socket.write(`GET ${PUBLIC_KEY_PATH} HTTP/1.1\r\nhost: x\r\n\r\n`);
    await once(socket, 'data');
  }
  await expect.poll(() => sockets[0]!.destroyed, { timeout: 30_000 }).toBe(true);
  expect((await rig.request('/api/1/products')).status).toBe(200);
});
