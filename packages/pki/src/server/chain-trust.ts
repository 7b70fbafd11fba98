// Whether a client that trusts only `ca`, as a vehicle does, accepts the certificates that a server sends.
import type { X509Certificate } from 'node:crypto';
import { isIssuedBy, isSelfSigned } from './issuers.js';

export type ChainTrust =
  | { readonly kind: 'trusted' }
  /** `ca` ends at an intermediate CA, without its root: some clients accept it. */
  | { readonly kind: 'partial'; readonly missing: string }
  /** `missing`: the issuer that neither the server sends nor `ca` has, without line breaks. */
  | { readonly kind: 'not_trusted'; readonly missing: string };

/** `chain`: the server's own certificate first. Certificates of CAs that have expired are left out. */
export function chainTrust(chain: readonly X509Certificate[], ca: readonly X509Certificate[], now: Date): ChainTrust {
  const [own, ...sent] = chain;
  if (own === undefined) return { kind: 'not_trusted', missing: 'the certificate' };
  const isValid = ({ validTo }: X509Certificate) => new Date(validTo) > now;
  const known = [...ca, ...sent].filter(isValid);
  const trusted = new Set(ca.filter(isValid).map(({ fingerprint256 }) => fingerprint256));
  let partial: ChainTrust | undefined;
  let missing: string | undefined;

  return isRooted(own, []) ? { kind: 'trusted' } : (partial ?? { kind: 'not_trusted', missing: missing ?? own.issuer });

  /** Tries every issuer: cross-signed CAs have several certificates. */
  function isRooted(certificate: X509Certificate, below: readonly X509Certificate[]): boolean {
    const isTrusted = trusted.has(certificate.fingerprint256);
    if (isSelfSigned(certificate)) {
      if (!isTrusted) missing ??= nameOf(certificate.subject);
      return isTrusted;
    }
    const issuers = known.filter((other) => !below.includes(other) && isIssuedBy(certificate, other));
    if (issuers.some((issuer) => isRooted(issuer, [...below, certificate]))) return true;
    if (isTrusted) partial ??= { kind: 'partial', missing: nameOf(certificate.issuer) };
    if (issuers.length === 0) missing ??= nameOf(certificate.issuer);
    return false;
  }
}

const nameOf = (subject: string): string => subject.replaceAll('\n', ', ');
