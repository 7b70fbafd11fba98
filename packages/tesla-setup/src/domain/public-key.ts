// The public key that the domain serves: where, and in Tesla's form.
import { createPublicKey } from 'node:crypto';

export const PUBLIC_KEY_PATH = '/.well-known/appspecific/com.tesla.3p.public-key.pem';

/** 65 bytes (04, x, y) of a PEM; undefined for another text, and for a key that is not on P-256. */
export function publicKeyHex(pem: string): string | undefined {
  try {
    const { crv, x = '', y = '' } = createPublicKey(pem).export({ format: 'jwk' });
    if (crv !== 'P-256') return undefined;
    return Buffer.concat([Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]).toString('hex');
  } catch {
    return undefined;
  }
}
