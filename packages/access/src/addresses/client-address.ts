// The address of a client. X-Forwarded-For counts only as far as trusted proxies have written it.
import { isIP } from 'node:net';
import { createNetworkSet, parseNetwork, plainAddress } from './networks.js';

export type AddressOf = (connection: { remoteAddress: string | undefined; forwardedFor: string | undefined }) => string;

/** `proxies` are addresses and networks (10.0.0.0/8). Throws a RangeError with the first text that is neither. */
export function createAddressOf(proxies: readonly string[]): AddressOf {
  const networks = proxies.map(withoutZone);
  const wrong = networks.findIndex((network) => parseNetwork(network) === undefined);
  if (wrong >= 0) throw new RangeError(proxies[wrong]);
  const isTrusted = createNetworkSet(networks);

  return ({ remoteAddress = '', forwardedFor = '' }) => {
    let address = plainAddress(remoteAddress);
    // Each proxy appends its peer, so the list is read from its end.
    const hops = forwardedFor.split(',').map((hop) => plainAddress(hop.trim()));
    while (isTrusted(address)) {
      const hop = hops.pop();
      if (hop === undefined || isIP(hop) === 0) break;
      address = hop;
    }
    return address;
  };
}

/** A link-local proxy may be written as fe80::1%eth0; the interface is not compared. */
function withoutZone(proxy: string): string {
  const [address = ''] = proxy.split('/');
  return isIP(address) === 6 ? proxy.replace(/%[^/]*/, '') : proxy;
}
