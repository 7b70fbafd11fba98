// Whether a server sends every certificate that a client needs. Browsers fetch a missing intermediate certificate
// themselves; vehicles, TeslaMate and curl refuse the connection.
import { X509Certificate } from 'node:crypto';
import { rootCertificates } from 'node:tls';
import { isIssuedBy, isSelfSigned, pemCertificates } from './issuers.js';

/**
 * The issuer whose certificate is missing in a PEM chain; undefined if the chain is complete. A private CA may sign
 * servers directly, and its root need not be sent: it has no address for its certificate, which every public CA names.
 */
export function missingIssuer(chain: string): string | undefined {
  const [first, ...others] = pemCertificates(chain).map((pem) => new X509Certificate(pem));
  if (first === undefined) return undefined;
  let top = first;
  for (let rest = others; ; ) {
    if (isSelfSigned(top)) return undefined;
    const issuer = rest.find((other) => isIssuedBy(top, other));
    if (issuer === undefined) break;
    rest = rest.filter((other) => other !== issuer);
    top = issuer;
  }
  const isOfUnrelated = top === first && others.length > 0;
  const isPublic = top.infoAccess?.includes('CA Issuers') === true;
  if (!isOfUnrelated && !isPublic) return undefined;
  return knownRoots().has(top.issuer) ? undefined : top.issuer.replaceAll('\n', ', ');
}

let subjectsOfRoots: ReadonlySet<string> | undefined;

/** The CAs that Node knows. Read once, when they are needed: there are about 150. */
function knownRoots(): ReadonlySet<string> {
  subjectsOfRoots ??= new Set(rootCertificates.map((pem) => new X509Certificate(pem).subject));
  return subjectsOfRoots;
}
