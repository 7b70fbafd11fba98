// A development authority: a key and the certificate in which it vouches for itself. Its place in the world is the
// machine of the person who runs it; nothing of Tesla's trusts it.

import { type CertificateAndKey, issueAuthorityCertificate } from './certificate.js';

export interface AuthorityRequest {
  readonly commonName: string;
  readonly days: number;
  /** A P-256 private key to be used again: what it has signed before then stays valid under the new certificate. */
  readonly keyPem?: string;
  readonly now?: Date;
}

/** A new self-signed authority. Throws CertificateRequestError when a given key can't be used. */
export function createAuthority(request: AuthorityRequest): CertificateAndKey {
  return issueAuthorityCertificate({
    subject: { commonName: request.commonName },
    days: request.days,
    keyPem: request.keyPem,
    now: request.now ?? new Date(),
  });
}
