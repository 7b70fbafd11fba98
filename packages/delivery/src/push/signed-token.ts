// An OIDC token with a service account and an audience, as Google signs one for a push subscription. A server that
// verifies Pub/Sub's tokens can verify ours with another key.
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { SignJWT } from 'jose';

export interface SignedTokenOptions {
  keyFile: string;
  keyId?: string | undefined;
  issuer: string;
  audience: string;
  /** For `email` and `sub`. */
  serviceAccount: string;
}

const VALID_SECONDS = 3_600;
const RENEW_BEFORE_SECONDS = 300;

/** A function that returns a valid token, cached until shortly before it expires. Throws if the key is unusable. */
export function tokenSigner(options: SignedTokenOptions, now: () => number): () => Promise<string> {
  const key = createPrivateKey(readFileSync(options.keyFile));
  const alg = algorithmOf(key, options.keyFile);
  let current: { token: Promise<string>; issuedSeconds: number } | undefined;
  return () => {
    const seconds = Math.floor(now() / 1000);
    const ageSeconds = seconds - (current?.issuedSeconds ?? Number.NEGATIVE_INFINITY);
    // negative: the clock was set back, and servers reject a token from the future
    if (current === undefined || ageSeconds < 0 || ageSeconds > VALID_SECONDS - RENEW_BEFORE_SECONDS) {
      const { keyId, issuer, audience, serviceAccount } = options;
      const token = new SignJWT({ email: serviceAccount, email_verified: true, azp: serviceAccount })
        .setProtectedHeader({ alg, typ: 'JWT', ...(keyId === undefined ? {} : { kid: keyId }) })
        .setIssuer(issuer)
        .setAudience(audience)
        .setSubject(serviceAccount)
        .setIssuedAt(seconds)
        .setExpirationTime(seconds + VALID_SECONDS)
        .sign(key);
      current = { token, issuedSeconds: seconds };
    }
    return current.token;
  };
}

function algorithmOf(key: KeyObject, file: string): string {
  if (key.asymmetricKeyType === 'rsa') return 'RS256';
  if (key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1') return 'ES256';
  if (key.asymmetricKeyType === 'ed25519') return 'EdDSA';
  throw new Error(`${file}: expected an RSA, P-256 or Ed25519 key`);
}
