// The public key that the domain serves now.
import { createPublicKey } from 'node:crypto';
import type { SetupContext } from './step.js';

export const PUBLIC_KEY_PATH = '/.well-known/appspecific/com.tesla.3p.public-key.pem';

export type ServedKey =
  /** `hex`: 65 bytes (04, x, y). */
  | { readonly kind: 'served'; readonly hex: string }
  | { readonly kind: 'not_a_key' }
  | { readonly kind: 'not_served'; readonly status: number }
  | { readonly kind: 'not_reachable'; readonly reason: string };

export async function fetchServedKey({ network, facts }: Pick<SetupContext, 'network' | 'facts'>): Promise<ServedKey> {
  let answer: { status: number; body: string };
  try {
    answer = await network.fetchText(`https://${facts.domain}${PUBLIC_KEY_PATH}`);
  } catch (error) {
    return { kind: 'not_reachable', reason: error instanceof Error ? error.message : String(error) };
  }
  if (answer.status !== 200) return { kind: 'not_served', status: answer.status };
  const hex = hexOf(answer.body);
  return hex === undefined ? { kind: 'not_a_key' } : { kind: 'served', hex };
}

function hexOf(pem: string): string | undefined {
  try {
    const { x = '', y = '', crv } = createPublicKey(pem).export({ format: 'jwk' });
    if (crv !== 'P-256') return undefined;
    return Buffer.concat([Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]).toString('hex');
  } catch {
    return undefined;
  }
}
