// `ca` of the telemetry configuration: the vehicle accepts the server only if it holds the whole chain that signs its
// certificate, the root included.
import { X509Certificate } from 'node:crypto';
import { chainTrust, isIssuedBy, isSelfSigned, pemCertificates } from '@fleetbridge/pki';

export type AuthoritiesResult =
  /** `ca`: PEM of the intermediates and of the root. `root`: its subject in one line. */
  | { readonly kind: 'found'; readonly ca: string; readonly root: string }
  /** `issuer`: the CA whose certificate is unknown here. */
  | { readonly kind: 'issuer_unknown'; readonly issuer: string };

/**
 * `served`: PEM certificates as the server sends them, its own one first. `known`: PEM roots. Other roots of the same
 * organization are added, because a public CA may sign the next certificate with another one.
 */
export function certificateAuthorities(served: readonly string[], known: readonly string[]): AuthoritiesResult {
  const [leaf, ...others] = served.map((pem) => new X509Certificate(pem));
  if (leaf === undefined) return { kind: 'issuer_unknown', issuer: 'no certificate' };
  if (isSelfSigned(leaf)) return { kind: 'found', ca: pemOf([leaf]), root: nameOf(leaf) };
  const roots = known.map((pem) => new X509Certificate(pem));
  const chain: X509Certificate[] = [];
  let top = leaf;
  while (!isSelfSigned(top)) {
    // a known root first: servers also send one that an older CA has signed
    const issuer = [...roots, ...others].find((other) => isIssuedBy(top, other) && !chain.includes(other));
    if (issuer === undefined) return { kind: 'issuer_unknown', issuer: oneLine(top.issuer) };
    chain.push(issuer);
    top = issuer;
  }
  const siblings = roots.filter((root) => isSameOrganization(root, top) && root.fingerprint256 !== top.fingerprint256);
  return { kind: 'found', ca: pemOf([...chain, ...siblings]), root: nameOf(top) };
}

/** Whether a vehicle that knows only `ca` trusts the server: the chain must end at a root of `ca`. */
export function isTrustedBy(ca: string, served: readonly string[], now: Date): boolean {
  const read = (pems: readonly string[]) => pems.map((pem) => new X509Certificate(pem));
  return chainTrust(read(served), read(pemCertificates(ca)), now).kind === 'trusted';
}

function isSameOrganization(one: X509Certificate, other: X509Certificate): boolean {
  const organization = (certificate: X509Certificate) => /^O=(.+)$/m.exec(certificate.subject)?.[1];
  return organization(one) !== undefined && organization(one) === organization(other);
}

function pemOf(certificates: readonly X509Certificate[]): string {
  return certificates.map((certificate) => certificate.toString()).join('');
}

function nameOf({ subject }: X509Certificate): string {
  return oneLine(subject);
}

function oneLine(name: string): string {
  return name.replaceAll('\n', ', ');
}
