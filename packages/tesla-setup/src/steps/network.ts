// What the set-up sees of the network, passed in.
import type { ServerPlace } from '../chain/index.js';

export interface Network {
  /** Addresses of a name. Rejects without one. */
  resolve(name: string): Promise<readonly string[]>;
  /** Rejects when the address can't be fetched within seconds. */
  fetchText(url: string): Promise<{ status: number; body: string }>;
  /** PEM, the server's own certificate first. */
  servedChain(place: ServerPlace): Promise<string[]>;
  /** Serves one page at an http address of this machine; `address`: what the browser has asked for. */
  awaitBrowser(redirectUri: string, signal: AbortSignal): Promise<{ address: string } | undefined>;
}

/** The telemetry server at the first place where it answers from here; its chain as PEM. */
export async function firstServed(
  network: Pick<Network, 'servedChain'>,
  servers: readonly Omit<ServerPlace, 'servername'>[],
  servername: string,
): Promise<{ server: ServerPlace; chain: string[] } | undefined> {
  for (const place of servers) {
    const server = { ...place, servername };
    const chain = await network.servedChain(server).catch(() => undefined);
    if (chain !== undefined) return { server, chain };
  }
  return undefined;
}
