// The Caddyfile as Caddy reads it: the gateway is published under GATEWAY_HOST only.
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const file = join(import.meta.dirname, '../caddy/Caddyfile');
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

it.skipIf(!isInstalled)('publishes the gateway under GATEWAY_HOST, and no other part of it', () => {
  const [server, ...others] = serversWith({ GATEWAY_SITE: 'gateway.example.com' });
  expect(others).toEqual([]);
  expect(server!.listen).toEqual([':443']);
  const routes = server!.routes.filter(proxies);
  expect(routes.map(({ match }) => match?.[0]?.host)).toEqual([['gateway.example.com']]);
});

it.skipIf(!isInstalled)('without GATEWAY_HOST serves the gateway on a port that compose does not publish', () => {
  // with the value of compose, and without any, as with an older compose file
  for (const env of [{ GATEWAY_SITE: 'http://:8079' }, {}]) {
    const servers = serversWith(env);
    const listening = servers.filter(({ routes }) => routes.some(proxies)).map(({ listen }) => listen);
    expect(listening).toEqual([[':8079']]);
  }
});
