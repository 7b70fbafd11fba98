// The network as `setup` sees it from this machine.
import { lookup } from 'node:dns/promises';
import { createServer } from 'node:http';
import { type Network, servedChain } from '@fleetbridge/tesla-setup';

const TIMEOUT_MS = 8_000;
const MAX_LENGTH = 100_000;

export const systemNetwork: Network = {
  async resolve(name) {
    return (await lookup(name, { all: true })).map(({ address }) => address);
  },
  async fetchText(url) {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS), redirect: 'manual' });
      return { status: response.status, body: (await response.text()).slice(0, MAX_LENGTH) };
    } catch (error) {
      throw new Error(reasonOf(error), { cause: error });
    }
  },
  servedChain,
  awaitBrowser,
};

/** fetch hides the reason in its cause. */
function reasonOf(error: unknown): string {
  const { cause, message } = error as Error & { cause?: { code?: string; message?: string } };
  return cause?.code ?? cause?.message ?? message;
}

/** Undefined when it is aborted, or when the port is in use. */
function awaitBrowser(redirectUri: string, signal: AbortSignal): Promise<{ address: string } | undefined> {
  const { origin, pathname, port, hostname } = new URL(redirectUri);
  return new Promise((resolve) => {
    const end = (address?: string) => {
      for (const server of servers) server.close();
      resolve(address === undefined ? undefined : { address });
    };
    // a browser resolves localhost to either
    const hosts = hostname === 'localhost' ? ['127.0.0.1', '::1'] : [hostname];
    const servers = hosts.map((host) => {
      const server = createServer((request, response) => {
        const asked = new URL(request.url ?? '/', origin);
        const isOurs = asked.pathname === pathname;
        response.writeHead(isOurs ? 200 : 404, { 'content-type': 'text/html; charset=utf-8', connection: 'close' });
        response.end(isOurs ? PAGE : '');
        if (isOurs) end(asked.href);
      });
      // the address can still be pasted
      server.on('error', () => undefined);
      server.listen(Number(port || 80), host);
      return server;
    });
    signal.addEventListener('abort', () => end(), { once: true });
  });
}

const PAGE =
  '<!doctype html><title>fleetbridge</title><p>You can close this window. The set-up continues in the terminal.</p>';
