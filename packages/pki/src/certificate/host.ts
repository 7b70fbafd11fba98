// A host in a certificate: a DNS name or an IP address, each in one canonical form, so that comparisons work.

import type { X509Certificate } from 'node:crypto';
import { isIP, isIPv4 } from 'node:net';
import { domainToASCII } from 'node:url';

export type Host =
  | { readonly kind: 'dns'; readonly name: string }
  | { readonly kind: 'ip'; readonly name: string; readonly octets: Uint8Array };

/** Undefined when the text is neither. Converts international names to punycode, removes a final dot, allows a leading `*.`. */
export function parseHost(text: string): Host | undefined {
  if (isIPv4(text)) return { kind: 'ip', name: text, octets: Uint8Array.from(text.split('.'), Number) };
  if (isIP(text) === 6) return text.includes('%') ? undefined : parseIpv6(text);

  const name = domainToASCII(text).replace(/\.$/, '');
  if (name.length > 253 || isIP(name) !== 0 || !DNS_NAME.test(name)) return undefined;
  return { kind: 'dns', name };
}

/** Labels of letters, digits, inner `-`, and `_`, which is invalid in host names but used by container networks. */
const DNS_NAME = /^(\*\.)?[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*$/;

function parseIpv6(text: string): Host {
  // The URL parser writes the shortest form and converts an IPv4 tail to hexadecimal groups.
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

/** The hosts of a certificate's subjectAltName, in order; skips other types of names. */
export function hostsOf(certificate: X509Certificate): string[] {
  const entries = certificate.subjectAltName?.split(', ') ?? [];
  return entries.flatMap((entry) => {
    const host = parseHost(entry.replace(/^(DNS|IP Address):/, ''));
    return host === undefined ? [] : [host.name];
  });
}
