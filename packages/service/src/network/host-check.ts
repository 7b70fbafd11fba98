// Whom an admin port tells which vehicles there are, or where. It has no password and listens on loopback; but a page of
// somebody else's in the operator's browser can make its own name point to this machine (DNS rebinding) and read what is
// there as its own. So such pages are for names that nobody can own.
import { isIP } from 'node:net';

/** An address, or a name that no domain of the internet can have. `host` without a port. */
export function isPrivateHostName(host: string): boolean {
  const name = host
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '')
    .toLowerCase();
  return isIP(name) !== 0 || !name.includes('.') || /\.(localhost|local|lan|internal|home\.arpa)$/.test(name);
}

/** For whoever asks by another name: 421. */
export const HOST_NAME_REFUSED = { error: 'ask for this page by IP address, as localhost, or by a name without a dot' };
