import type { ServerPlace } from '../chain/index.js';
import type { SetupContext } from './step.js';

/** The telemetry server at the first place where it answers from here; its chain as PEM. */
export async function firstServed({ network, options, facts }: SetupContext) {
  for (const { host, port } of options.servers) {
    const server: ServerPlace = { host, port, servername: facts.telemetryHost! };
    const chain = await network.servedChain(server).catch(() => undefined);
    if (chain !== undefined) return { server, chain };
  }
  return undefined;
}
