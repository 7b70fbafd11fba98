// Protects pages of the admin port that show vehicles or locations. The port has no password and listens on loopback, but
// a foreign web page in the operator's browser can resolve its own domain to this machine (DNS rebinding) and read the
// response. So these pages are served only under host names that no public domain can have.
import { isIP } from 'node:net';

/** An IP address, or a name that no public domain can have. `host` has no port. */
export function isPrivateHostName(host: string): boolean {
  const name = host
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '')
    .toLowerCase();
  return isIP(name) !== 0 || !name.includes('.') || /\.(localhost|local|lan|internal|home\.arpa)$/.test(name);
}

/** The body of status 421 for any other host name. */
export const HOST_NAME_REFUSED = { error: 'open this page by IP address, as localhost, or by a name without a dot' };
