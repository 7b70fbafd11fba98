// A development authority: a key and its self-signed certificate. For the machine of the person who runs it; nothing of
// Tesla's trusts it.

import { type CertificateAndKey, issueAuthorityCertificate } from './certificate.js';

export interface AuthorityRequest {
  readonly commonName: string;
  readonly days: number;
  /** An existing P-256 private key: certificates that it has signed stay valid under the new certificate. */
  readonly keyPem?: string;
  /** Signs this one, which is then an intermediate authority. */
  readonly parent?: CertificateAndKey;
  /** How many intermediate authorities may follow below this one; default 0. */
  readonly authorities?: number;
  readonly now?: Date;
}

/** A new authority, self-signed without a parent. Throws CertificateRequestError when a given key is not usable. */
export function createAuthority(request: AuthorityRequest): CertificateAndKey {
  return issueAuthorityCertificate({
    subject: { commonName: request.commonName },
    days: request.days,
    keyPem: request.keyPem,
    parent: request.parent,
    authorities: request.authorities,
    now: request.now ?? new Date(),
  });
}
