// Verdicts on the application: its public key on the domain, and its registration at Tesla.
import { problems } from '@fleetbridge/fleet-api';
import { publicKeyHex } from '../domain/index.js';
import { green, notChecked, type Verdict } from './finding.js';
import { problem } from './problems.js';

export type ServedKey =
  | { readonly kind: 'answered'; readonly status: number; readonly body: string }
  | { readonly kind: 'not_reachable'; readonly reason: string };

/** `own`: 65 bytes as hex; undefined without an application key. */
export function servedKeyVerdict(served: ServedKey, own: string | undefined): Verdict {
  if (own === undefined) return problem('application_key_missing');
  if (served.kind === 'not_reachable') return problem('key_not_reachable', `(${served.reason})`);
  if (served.status !== 200) return problem('key_not_served', `(status ${served.status})`);
  const hex = publicKeyHex(served.body);
  if (hex === undefined) return problem('key_not_served', '(the answer is not a public key on P-256)');
  return hex === own ? green('the domain serves our key') : problem('other_key_served');
}

/** `registered`: undefined if the domain is not registered in the region. */
export function registrationVerdict(registered: string | undefined, own: string | undefined, domain: string): Verdict {
  if (registered === undefined) return { colour: 'red', ...remedyOf('not_registered'), problem: 'not_registered' };
  if (own === undefined) return notChecked('needs the application key first');
  return registered === own ? green(`${domain} is registered with our key`) : problem('other_key_registered');
}

function remedyOf(name: keyof typeof problems) {
  const { meaning: text, remedy } = problems[name];
  return { text, remedy };
}
