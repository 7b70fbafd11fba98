// The public key that the domain serves now.
import { PUBLIC_KEY_PATH, publicKeyHex } from '../domain/index.js';
import type { SetupContext } from './step.js';

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
  const hex = publicKeyHex(answer.body);
  return hex === undefined ? { kind: 'not_a_key' } : { kind: 'served', hex };
}
