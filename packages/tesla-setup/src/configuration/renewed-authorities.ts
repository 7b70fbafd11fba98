// The wanted configuration when another CA has signed the certificate of the server since.
import { certificateAuthorities, isTrustedBy, type ServerPlace } from '../chain/index.js';
import type { WantedConfiguration } from './vehicle-configuration.js';

export interface ChainParts {
  servedChain(place: ServerPlace): Promise<string[]>;
  /** PEM. */
  knownRoots: readonly string[];
  nowMs: () => number;
}

/** The same object while vehicles trust the server, and while that can't be seen. */
export async function withRenewedAuthorities(
  wanted: WantedConfiguration,
  { servedChain, knownRoots, nowMs }: ChainParts,
): Promise<WantedConfiguration> {
  if (wanted.server === undefined) return wanted;
  const served = await servedChain(wanted.server).catch(() => undefined);
  if (served === undefined || isTrustedBy(wanted.ca, served, new Date(nowMs()))) return wanted;
  const authorities = certificateAuthorities(served, knownRoots);
  return authorities.kind === 'found' ? { ...wanted, ca: authorities.ca } : wanted;
}
