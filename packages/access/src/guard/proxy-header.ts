// Reads the PROXY protocol, versions 1 and 2: a header with the client's address, which a TCP balancer sends before the
// client's first byte. Pure. Source: haproxy's specification of the PROXY protocol, section 2.
import { isIPv4, isIPv6 } from 'node:net';

export type ProxyHeader =
  | { kind: 'incomplete' }
  | { kind: 'malformed'; reason: string }
  /** `source` is the client's address; undefined for the balancer's own connections (health checks). */
  | { kind: 'header'; length: number; source: string | undefined };

/** Maximum length of a version 1 line, CRLF included. */
const V1_MAX_BYTES = 107;
const V1_START = Buffer.from('PROXY ');
const V2_SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');
const V2_FIXED_BYTES = 16;
/** Maximum length of what follows the fixed part: addresses and optional fields such as the client's TLS. */
const V2_MAX_BYTES = 4_096;
const LF = 10;

export function readProxyHeader(bytes: Buffer): ProxyHeader {
  if (startsAs(bytes, V2_SIGNATURE)) return bytes.length < V2_FIXED_BYTES ? { kind: 'incomplete' } : readV2(bytes);
  if (startsAs(bytes, V1_START)) return readV1(bytes);
  return malformed('no PROXY header');
}

/** Whether bytes that are not TLS begin like a PROXY header. */
export function looksLikeProxyHeader(bytes: Buffer): boolean {
  return bytes.length > 0 && (startsAs(bytes, V1_START) || startsAs(bytes, V2_SIGNATURE));
}

function readV1(bytes: Buffer): ProxyHeader {
  const end = bytes.subarray(0, V1_MAX_BYTES).indexOf(LF);
  if (end < 0) return bytes.length < V1_MAX_BYTES ? { kind: 'incomplete' } : malformed('line without an end');
  if (bytes[end - 1] !== 13) return malformed('line end without CR');
  const [, protocol, source, destination, sourcePort, destinationPort, ...rest] = bytes
    .toString('latin1', 0, end - 1)
    .split(' ');
  const length = end + 1;
  // receivers must ignore the rest of an UNKNOWN line
  if (protocol === 'UNKNOWN') return { kind: 'header', length, source: undefined };
  const isAddress = protocol === 'TCP4' ? isIPv4 : protocol === 'TCP6' ? isIPv6 : undefined;
  if (isAddress === undefined) return malformed('neither TCP4 nor TCP6');
  if (source === undefined || !isAddress(source) || destination === undefined || !isAddress(destination)) {
    return malformed('invalid address');
  }
  if (!isPort(sourcePort) || !isPort(destinationPort) || rest.length > 0) return malformed('invalid port');
  return { kind: 'header', length, source };
}

function readV2(bytes: Buffer): ProxyHeader {
  const version = bytes[12]! >> 4;
  const command = bytes[12]! & 15;
  const family = bytes[13]! >> 4;
  const transport = bytes[13]! & 15;
  const addressLength = bytes.readUInt16BE(14);
  if (version !== 2) return malformed('version is not 2');
  if (addressLength > V2_MAX_BYTES) return malformed('too long');
  const length = V2_FIXED_BYTES + addressLength;
  if (bytes.length < length) return { kind: 'incomplete' };
  if (command === 0) return { kind: 'header', length, source: undefined };
  if (command !== 1) return malformed('unknown command');
  const shortest = ADDRESS_BYTES[family];
  if (shortest === undefined) return malformed('unknown address family');
  if (transport !== (family === 0 ? 0 : 1)) return malformed('not a stream');
  if (addressLength < shortest) return malformed('addresses cut short');
  const at = V2_FIXED_BYTES;
  if (family === 1) return { kind: 'header', length, source: bytes.subarray(at, at + 4).join('.') };
  if (family === 2) return { kind: 'header', length, source: ipv6Text(bytes.subarray(at, at + 16)) };
  return { kind: 'header', length, source: undefined };
}

/** Bytes of two addresses with their ports, by family: unspecified, IPv4, IPv6, Unix. */
const ADDRESS_BYTES: Readonly<Record<number, number>> = { 0: 0, 1: 12, 2: 36, 3: 216 };

/** Also true while `bytes` is a prefix of `start`. */
function startsAs(bytes: Buffer, start: Buffer): boolean {
  const common = Math.min(bytes.length, start.length);
  return bytes.compare(start, 0, common, 0, common) === 0;
}

function isPort(text: string | undefined): boolean {
  return text !== undefined && /^(0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535;
}

function ipv6Text(octets: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, index) => octets.readUInt16BE(index * 2).toString(16));
  // the URL parser writes the shortest form
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}

function malformed(reason: string): ProxyHeader {
  return { kind: 'malformed', reason };
}
