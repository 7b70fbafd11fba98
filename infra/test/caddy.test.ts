// The Caddyfile as Caddy reads it: the gateway is published under GATEWAY_HOST only, except for the public key. The key is
// fetched from a real Caddy in front of a real gateway.
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it as redisIt } from '@fleetbridge/store/testing';
import { loadOrCreateApplicationKey } from '@fleetbridge/tesla-account';
import { eventually, freePort } from '@fleetbridge/testing';
import { expect, it } from 'vitest';
import { startApp } from './start-app.js';

const file = join(import.meta.dirname, '../caddy/Caddyfile');
const KEY_PATH = '/.well-known/appspecific/com.tesla.3p.public-key.pem';
const isInstalled = spawnSync('caddy', ['version']).status === 0;
if (!isInstalled) console.log('without caddy its configuration is not checked');

interface Server {
  listen: string[];
  routes: { match?: { host?: string[] }[]; handle: object[] }[];
}

function serversWith(env: Record<string, string>): Server[] {
  const names = { DOMAIN: 'a.example.com', TELEMETRY_HOST: 'a.example.com', STREAMING_HOST: 's.example.com' };
  const text = execFileSync('caddy', ['adapt', '--adapter', 'caddyfile', '--config', file], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...names, ...env },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return Object.values(JSON.parse(text).apps.http.servers);
}

const proxies = ({ handle }: Server['routes'][number]) => JSON.stringify(handle).includes('gateway:8080');

it.skipIf(!isInstalled)('publishes the gateway under GATEWAY_HOST, and of the other names the public key only', () => {
  const [server, ...others] = serversWith({ GATEWAY_SITE: 'gateway.example.com' });
  expect(others).toEqual([]);
  expect(server!.listen).toEqual([':443']);
  const routes = server!.routes.filter(proxies);
  expect(routes.map(({ match }) => match?.[0]?.host)).toEqual([
    ['gateway.example.com'],
    ['a.example.com', 's.example.com'],
  ]);
  // the only other condition of that route is the path of the key
  const [, other] = routes;
  const [site] = other!.handle as [{ routes: Server['routes'] }];
  expect(site.routes.filter(proxies).map(({ match }) => match)).toEqual([[{ path: [KEY_PATH] }]]);
});

it.skipIf(!isInstalled)('without GATEWAY_HOST serves the gateway on a port that compose does not publish', () => {
  // with the value of compose, and without any, as with an older compose file
  for (const env of [{ GATEWAY_SITE: 'http://:8079' }, {}]) {
    const servers = serversWith(env);
    const isWhole = (route: Server['routes'][number]) => proxies(route) && !JSON.stringify(route).includes(KEY_PATH);
    const listening = servers.filter(({ routes }) => routes.some(isWhole)).map(({ listen }) => listen);
    expect(listening).toEqual([[':8079']]);
  }
});

redisIt.skipIf(!isInstalled)(
  'serves the key of DATA_DIR from the gateway, a file of infra/public first, and nothing else of both',
  async ({ store, cleanup }) => {
    const folder = mkdtempSync(join(tmpdir(), 'fleetbridge-caddy-'));
    cleanup.push(() => rmSync(folder, { recursive: true, force: true }));
    const data = join(folder, 'data');
    const published = join(folder, 'public');
    mkdirSync(published);
    writeFileSync(join(published, '.gitignore'), '*');
    const { clients: gatewayPort } = await startApp(
      'gateway',
      {
        REDIS_URL: store.url,
        NAMESPACE: store.namespace,
        DATA_DIR: data,
        GATEWAY_PORT: '0',
        GATEWAY_ADMIN_PORT: '0',
        BRIDGE_TOKEN: 'bridge-token-of-the-test',
        ALLOWED_VINS: '5YJ3E1EA7KF000001',
      },
      { cleanUp: cleanup },
    );
    const site = await startCaddy({ folder, published, gatewayPort: gatewayPort!, cleanup });
    const get = async (path: string) => {
      const response = await fetch(`${site}${path}`);
      return { status: response.status, text: await response.text() };
    };

    await eventually(async () => expect((await get(KEY_PATH)).text).toContain('no_application_key'));
    const { publicKey } = loadOrCreateApplicationKey(join(data, 'tesla'));
    expect(await get(KEY_PATH)).toEqual({ status: 200, text: publicKey.pem });
    for (const path of ['/api/1/products', '/openapi.json', `${KEY_PATH}/openapi.json`]) {
      expect(await get(path), path).toEqual({ status: 404, text: '' });
    }
    for (const path of ['/.well-known/appspecific/.gitignore', '/.well-known/appspecific/', '/.gitignore']) {
      expect(await get(path), path).toEqual({ status: 404, text: '' });
    }
    writeFileSync(join(published, 'com.tesla.3p.public-key.pem'), 'the key of the owner');
    expect(await get(KEY_PATH)).toEqual({ status: 200, text: 'the key of the owner' });
  },
);

interface CaddyOptions {
  folder: string;
  published: string;
  gatewayPort: number;
  cleanup: (() => unknown)[];
}

/** The Caddyfile with plain HTTP names, and the folders and the gateway of the test. Returns the origin of DOMAIN. */
async function startCaddy({ folder, published, gatewayPort, cleanup }: CaddyOptions): Promise<string> {
  const [port, otherPort] = [await freePort(), await freePort()];
  const site = `http://127.0.0.1:${port}`;
  const adapted = join(folder, 'Caddyfile');
  const text = readFileSync(file, 'utf8')
    .replaceAll('/srv', published)
    .replaceAll('gateway:8080', `127.0.0.1:${gatewayPort}`)
    .replace('/certificates', join(folder, 'certificates'));
  writeFileSync(adapted, text);
  const child = spawn('caddy', ['run', '--adapter', 'caddyfile', '--config', adapted], {
    env: {
      PATH: process.env.PATH,
      HOME: folder,
      ...{ DOMAIN: site, TELEMETRY_HOST: site, STREAMING_HOST: site },
      GATEWAY_SITE: `http://127.0.0.1:${otherPort}`,
      CADDY_GLOBAL_OPTIONS: 'admin off',
    },
    stdio: 'ignore',
  });
  const ended = once(child, 'exit');
  cleanup.push(async () => {
    child.kill('SIGTERM');
    await ended;
  });
  return site;
}
