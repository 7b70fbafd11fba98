import { createServer } from 'node:http';
import { freePort } from '@fleetbridge/testing';
import { expect, it } from 'vitest';
import { systemNetwork } from './network.js';

it('receives the address at which the browser ends', async () => {
  const port = await freePort();
  const redirectUri = `http://localhost:${port}/callback`;
  const ended = new AbortController();
  const awaited = systemNetwork.awaitBrowser(redirectUri, ended.signal);
  expect((await fetch(`http://localhost:${port}/favicon.ico`)).status).toBe(404);
  const page = await fetch(`${redirectUri}?code=c&state=s`);
  expect(await page.text()).toContain('You can close this window');
  expect(await awaited).toEqual({ address: `${redirectUri}?code=c&state=s` });
  await expect(fetch(redirectUri)).rejects.toThrow();
});

it('ends when it is aborted, also with a port that is in use', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => other.once('listening', resolve));
  const { port } = other.address() as { port: number };
  const ended = new AbortController();
  const awaited = systemNetwork.awaitBrowser(`http://127.0.0.1:${port}/callback`, ended.signal);
  ended.abort();
  expect(await awaited).toBeUndefined();
  other.close();
});

it('names the reason when an address can not be fetched', async () => {
  await expect(systemNetwork.fetchText('https://127.0.0.1:1/')).rejects.toThrow(/ECONNREFUSED|bad port/);
});
