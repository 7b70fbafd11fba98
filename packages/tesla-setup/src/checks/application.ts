// Verdicts on the application: its public key on the domain, and its registration at Tesla.
import { createPublicKey } from 'node:crypto';
import { problems } from '@fleetbridge/fleet-api';
import { green, type Verdict } from './finding.js';
import { problem } from './problems.js';

export const PUBLIC_KEY_PATH = '/.well-known/appspecific/com.tesla.3p.public-key.pem';

export type ServedKey =
  | { readonly kind: 'answered'; readonly status: number; readonly body: string }
  | { readonly kind: 'not_reachable'; readonly reason: string };

/** `own`: 65 bytes as hex; undefined without an application key. */
export function servedKeyVerdict(served: ServedKey, own: string | undefined): Verdict {
  if (served.kind === 'not_reachable') return problem('key_not_reachable', `(${served.reason})`);
  if (served.status !== 200) return problem('key_not_served', `(status ${served.status})`);
  const hex = publicKeyHex(served.body);
  if (hex === undefined) return problem('key_not_served', '(the answer is not a public key on P-256)');
  if (own === undefined) return problem('application_key_missing');
  return hex === own ? green('the domain serves our key') : problem('other_key_served');
}

/** `registered`: undefined if the domain is not registered in the region. */
export function registrationVerdict(registered: string | undefined, own: string | undefined, domain: string): Verdict {
  if (registered === undefined) return { colour: 'red', ...remedyOf('not_registered'), problem: 'not_registered' };
  if (own === undefined) return problem('application_key_missing');
  return registered === own ? green(`${domain} is registered with our key`) : problem('other_key_registered');
}

function remedyOf(name: keyof typeof problems) {
  const { meaning: text, remedy } = problems[name];
  return { text, remedy };
}

/** 65 bytes (04, x, y); undefined for another text, and for a key that is not on P-256. */
export function publicKeyHex(pem: string): string | undefined {
  try {
    const { crv, x = '', y = '' } = createPublicKey(pem).export({ format: 'jwk' });
    if (crv !== 'P-256') return undefined;
    return Buffer.concat([Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]).toString('hex');
  } catch {
    return undefined;
  }
}
