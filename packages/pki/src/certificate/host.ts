// A host as a certificate names it: a DNS name or an IP address, in one canonical form each, so that comparisons work.

import type { X509Certificate } from 'node:crypto';
import { isIP, isIPv4 } from 'node:net';
import { domainToASCII } from 'node:url';

export type Host =
  | { readonly kind: 'dns'; readonly name: string }
  | { readonly kind: 'ip'; readonly name: string; readonly octets: Uint8Array };

/** Undefined when the text is neither. International names become punycode, a final dot goes, `*.` may lead. */
export function parseHost(text: string): Host | undefined {
  if (isIPv4(text)) return { kind: 'ip', name: text, octets: Uint8Array.from(text.split('.'), Number) };
  if (isIP(text) === 6) return text.includes('%') ? undefined : parseIpv6(text);

  const name = domainToASCII(text).replace(/\.$/, '');
  if (name.length > 253 || isIP(name) !== 0 || !DNS_NAME.test(name)) return undefined;
  return { kind: 'dns', name };
}

/** Labels of letters, digits, `-` inside, and `_`, which DNS forbids in hosts but container networks use. */
const DNS_NAME = /^(\*\.)?[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/;

function parseIpv6(text: string): Host {
  // The URL parser knows the shortest form and turns an IPv4 tail into hexadecimal groups.
  const name = new URL(`http://[${text}]`).hostname.slice(1, -1);
  const [head = '', tail] = name.split('::');
  const left = groupsOf(head);
  const right = tail === undefined ? [] : groupsOf(tail);
  const groups = [...left, ...new Array<number>(8 - left.length - right.length).fill(0), ...right];
  return { kind: 'ip', name, octets: Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff])) };
}

function groupsOf(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
}

/** The hosts in a certificate's subjectAltName, in its order; other kinds of names in it are left out. */
export function hostsOf(certificate: X509Certificate): string[] {
  const entries = certificate.subjectAltName?.split(', ') ?? [];
  return entries.flatMap((entry) => {
    const host = parseHost(entry.replace(/^(DNS|IP Address):/, ''));
    return host === undefined ? [] : [host.name];
  });
}
