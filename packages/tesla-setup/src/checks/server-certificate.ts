// Verdicts on what a vehicle gets from ingest: the certificates that it must trust, and the CAs that are named to it.
import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import {
  CaBundleError,
  casNotNamed,
  chainTrust,
  missingIssuer,
  readCaBundle,
  renewalDays,
  type ServerHandshake,
} from '@fleetbridge/pki';
import { green, notChecked, type Verdict } from './finding.js';
import { problem } from './problems.js';
import { daysText } from './text.js';

export function chainVerdict({ certificates }: ServerHandshake, hostname: string): Verdict {
  const [own] = certificates;
  if (own === undefined) return problem('tls_failed', '(no certificate)');
  const isForName = (isIP(hostname) === 0 ? own.checkHost(hostname) : own.checkIP(hostname)) !== undefined;
  if (!isForName) return problem('certificate_other_name', `(${hostname})`);
  const missing = missingIssuer(certificates.map(String).join(''));
  if (missing !== undefined) return problem('chain_incomplete', `(${missing})`);
  const count = certificates.length === 1 ? '1 certificate' : `${certificates.length} certificates`;
  return green(`${hostname}: ${count}, issued by ${lineOf(own.issuer)}`);
}

/** The certificate of the chain that expires first. */
export function expiryVerdict({ certificates }: ServerHandshake, nowMs: number): Verdict {
  const lives = certificates.map((certificate) => ({
    subject: lineOf(certificate.subject),
    notBefore: new Date(certificate.validFrom),
    notAfter: new Date(certificate.validTo),
  }));
  const [first] = lives.sort((one, other) => one.notAfter.getTime() - other.notAfter.getTime());
  if (first === undefined) return notChecked('no certificate');
  const leftMs = first.notAfter.getTime() - nowMs;
  const date = first.notAfter.toISOString().slice(0, 10);
  if (leftMs <= 0) return problem('certificate_expired', `(${first.subject}: ${date})`);
  if (leftMs < renewalDays(first) * 86_400_000) {
    return problem('certificate_expires_soon', `(${first.subject}: ${daysText(leftMs)} left)`);
  }
  return green(`${daysText(leftMs)} left (${date})`);
}

/** `ca`: PEM of the configuration. */
export function configuredCaVerdict({ certificates }: ServerHandshake, ca: string, now: Date): Verdict {
  let trusted: readonly X509Certificate[];
  try {
    trusted = readCaBundle(ca, '`ca`', { now }).certificates;
  } catch (error) {
    if (!(error instanceof CaBundleError)) throw error;
    return problem('ca_not_valid', `(${error.message})`);
  }
  const trust = chainTrust(certificates, trusted, now);
  if (trust.kind === 'trusted') return green('vehicles trust the certificate with the `ca` of their configuration');
  return problem(trust.kind === 'partial' ? 'ca_partial' : 'ca_mismatch', `(${trust.missing})`);
}

/** `expected`: the CAs of the vehicles. */
export function vehicleCasVerdict({ acceptedCas }: ServerHandshake, expected: readonly X509Certificate[]): Verdict {
  if (acceptedCas === undefined) return problem('client_certificate_not_requested');
  const missing = casNotNamed(expected, acceptedCas);
  if (missing.length === 0)
    return green(`${acceptedCas.length} CAs, each of the ${expected.length} vehicle CAs is named`);
  const names = missing.slice(0, 3).map(({ subject }) => lineOf(subject));
  const more = missing.length > names.length ? ` and ${missing.length - names.length} more` : '';
  return problem('vehicle_cas_missing', `(missing: ${names.join('; ')}${more})`);
}

const lineOf = (name: string): string => name.replaceAll('\n', ', ');
