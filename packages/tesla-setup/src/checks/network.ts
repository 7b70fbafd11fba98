// Verdicts on names and ports, as they are seen from this machine.
import { isIP } from 'node:net';
import { rootOf } from '../domain/index.js';
import { green, type Verdict } from './finding.js';
import { problem } from './problems.js';

export interface NameFacts {
  readonly name: string;
  /** Empty: the name has no address. */
  readonly addresses: readonly string[];
  /** With a stand-in of Tesla on this machine. */
  readonly arePrivateAllowed: boolean;
}

export function nameVerdict({ name, addresses, arePrivateAllowed }: NameFacts): Verdict {
  if (addresses.length === 0) return problem('dns_not_found', `(${name})`);
  const hidden = addresses.filter(isPrivateAddress);
  if (hidden.length > 0 && !arePrivateAllowed) return problem('dns_private', `(${name}: ${hidden.join(', ')})`);
  return green(`${name}: ${addresses.join(', ')}`);
}

/** The telemetry host also needs the root of the domain. */
export function telemetryNameVerdict(facts: NameFacts, domain: string | undefined): Verdict {
  if (domain !== undefined && rootOf(facts.name) !== rootOf(domain)) {
    return problem('dns_other_root', `(${facts.name}, ${domain})`);
  }
  return nameVerdict(facts);
}

/** `isPublic`: over its public name; undefined without one. */
export function vehiclePortVerdict(port: number, isOpen: boolean, isPublic: boolean | undefined): Verdict {
  if (!isOpen && isPublic !== true) return problem('port_closed', `(${port})`);
  if (isPublic === false) return problem('port_not_public', `(${port})`);
  return green(isPublic === true ? `${port}: open, also over its public name` : `${port}: open`);
}

export function servicePortVerdict(port: number, isOpen: boolean): Verdict {
  return isOpen ? green(`${port}: open`) : problem('service_port_closed', `(${port})`);
}

export function isPrivateAddress(address: string): boolean {
  if (isIP(address) === 6) return /^(?:::1?$|f[cd]|fe[89ab])/i.test(address);
  const [a = 0, b = 0] = address.split('.').map(Number);
  if (a === 100) return b >= 64 && b < 128;
  return a === 0 || a === 10 || a === 127 || (a === 172 && b >= 16 && b < 32) || isLocal(a, b);
}

function isLocal(a: number, b: number): boolean {
  return (a === 192 && b === 168) || (a === 169 && b === 254);
}
