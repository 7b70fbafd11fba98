// What a TLS 1.2 server sends in reply to the first message, read from untrusted bytes: its certificates, and whether it
// asks for a client certificate and of which CAs. Pure, never throws.

export interface ServerFlight {
  /** DER, in the order that the server sends. */
  readonly certificates: readonly Buffer[];
  /** The names (DER) of the CAs whose client certificates the server accepts; undefined: it does not ask for one. */
  readonly acceptedCas: readonly Buffer[] | undefined;
}

export type FlightReading =
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'complete'; readonly flight: ServerFlight }
  /** `reason`: such as `alert 70`, or that it is not TLS. */
  | { readonly kind: 'failed'; readonly reason: string };

const ALERT = 21;
const HANDSHAKE = 22;
const CERTIFICATE = 11;
const CERTIFICATE_REQUEST = 13;
const SERVER_HELLO_DONE = 14;
const RECORD_HEADER = 5;
const MESSAGE_HEADER = 4;

/** Of all bytes that have arrived. */
export function readServerFlight(bytes: Buffer): FlightReading {
  const records: Buffer[] = [];
  for (let at = 0; bytes.length - at >= RECORD_HEADER; ) {
    const type = bytes[at]!;
    if ((type !== HANDSHAKE && type !== ALERT) || bytes[at + 1] !== 3) return failed('the answer is not TLS');
    const end = at + RECORD_HEADER + bytes.readUInt16BE(at + 3);
    if (end > bytes.length) break;
    const content = bytes.subarray(at + RECORD_HEADER, end);
    if (type === ALERT) return failed(`alert ${content[1] ?? 'without a number'}`);
    records.push(content);
    at = end;
  }
  return readMessages(Buffer.concat(records));
}

function readMessages(bytes: Buffer): FlightReading {
  let certificates: Buffer[] = [];
  let acceptedCas: Buffer[] | undefined;
  for (let at = 0; bytes.length - at >= MESSAGE_HEADER; ) {
    const type = bytes[at]!;
    const start = at + MESSAGE_HEADER;
    const end = start + bytes.readUIntBE(at + 1, 3);
    if (end > bytes.length) break;
    const body = bytes.subarray(start, end);
    if (type === SERVER_HELLO_DONE) return { kind: 'complete', flight: { certificates, acceptedCas } };
    if (type === CERTIFICATE) {
      const list = vector(body, 0, 3);
      const found = list && vectors(list, 3);
      if (found === undefined) return failed('the certificates can not be read');
      certificates = found;
    }
    if (type === CERTIFICATE_REQUEST) {
      acceptedCas = namesOf(body);
      if (acceptedCas === undefined) return failed('the request for a client certificate can not be read');
    }
    at = end;
  }
  return { kind: 'incomplete' };
}

/** Behind the kinds of certificates and the algorithms of signatures. */
function namesOf(body: Buffer): Buffer[] | undefined {
  const kinds = vector(body, 0, 1);
  if (kinds === undefined) return undefined;
  const algorithms = vector(body, 1 + kinds.length, 2);
  if (algorithms === undefined) return undefined;
  const names = vector(body, 3 + kinds.length + algorithms.length, 2);
  return names && vectors(names, 2);
}

/** The content behind a length of so many bytes; undefined when it is cut short. */
function vector(bytes: Buffer, at: number, lengthBytes: number): Buffer | undefined {
  if (bytes.length - at < lengthBytes) return undefined;
  const start = at + lengthBytes;
  const end = start + bytes.readUIntBE(at, lengthBytes);
  return end > bytes.length ? undefined : bytes.subarray(start, end);
}

function vectors(bytes: Buffer, lengthBytes: number): Buffer[] | undefined {
  const found: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const content = vector(bytes, at, lengthBytes);
    if (content === undefined) return undefined;
    found.push(content);
    at += lengthBytes + content.length;
  }
  return found;
}

function failed(reason: string): FlightReading {
  return { kind: 'failed', reason };
}
