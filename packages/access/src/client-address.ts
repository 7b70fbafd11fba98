// Where a client comes from. X-Forwarded-For counts only as far as the proxies that we trust have written it.
import { BlockList, isIP, isIPv6 } from 'node:net';

export type AddressOf = (connection: { remoteAddress: string | undefined; forwardedFor: string | undefined }) => string;

/** `proxies` are addresses and networks (10.0.0.0/8). Throws a RangeError that names the one that is neither. */
export function createAddressOf(proxies: readonly string[]): AddressOf {
  const trusted = new BlockList();
  for (const proxy of proxies) add(trusted, proxy);
  const isTrusted = (address: string) =>
    isIP(address) !== 0 && trusted.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');

  return ({ remoteAddress = '', forwardedFor = '' }) => {
    let address = plain(remoteAddress);
    // Each proxy appends whom it has heard, so the list is believed from its end.
    const hops = forwardedFor.split(',').map((hop) => plain(hop.trim()));
    while (isTrusted(address)) {
      const hop = hops.pop();
      if (hop === undefined || isIP(hop) === 0) break;
      address = hop;
    }
    return address;
  };
}

function add(list: BlockList, proxy: string): void {
  const [address = '', bits, ...rest] = proxy.split('/');
  const family = isIPv6(address) ? 'ipv6' : 'ipv4';
  const isNumber = bits === undefined || /^\d{1,3}$/.test(bits);
  if (isIP(address) === 0 || rest.length > 0 || !isNumber || Number(bits ?? 0) > (family === 'ipv6' ? 128 : 32)) {
    throw new RangeError(proxy);
  }
  if (bits === undefined) list.addAddress(address, family);
  else list.addSubnet(address, Number(bits), family);
}

/** An IPv4 client of a socket that listens for both comes as ::ffff:192.0.2.1. */
function plain(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '');
}
