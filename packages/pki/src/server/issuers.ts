import type { X509Certificate } from 'node:crypto';

export function isSelfSigned(certificate: X509Certificate): boolean {
  return certificate.issuer === certificate.subject;
}

/** By name and by signature. */
export function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey);
}

/** Each certificate of a PEM text. */
export function pemCertificates(text: string): string[] {
  return text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
}
