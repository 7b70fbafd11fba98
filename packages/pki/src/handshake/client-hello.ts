// The first message of a TLS 1.2 client. Version 1.3 encrypts what a server sends next; 1.2 does not.
import { randomBytes } from 'node:crypto';
import { isIP } from 'node:net';

/** One record. `serverName`: the name that is asked for; addresses are left out, as TLS requires. */
export function clientHello(serverName: string | undefined, random: Uint8Array = randomBytes(32)): Buffer {
  const body = Buffer.concat([
    VERSION,
    random,
    Buffer.of(0), // no session to resume
    vector(2, numbers(SUITES)),
    vector(1, Buffer.of(0)), // no compression
    vector(2, Buffer.concat(extensions(serverName))),
  ]);
  const message = Buffer.concat([Buffer.of(CLIENT_HELLO), vector(3, body)]);
  return Buffer.concat([Buffer.of(HANDSHAKE), VERSION_OF_RECORD, vector(2, message)]);
}

const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const VERSION = Buffer.of(3, 3);
const VERSION_OF_RECORD = Buffer.of(3, 1);

/** ECDHE with AES-GCM and ChaCha20, then with AES-CBC; for ECDSA and for RSA certificates. */
const SUITES = [0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc023, 0xc027, 0xc009, 0xc013, 0xc00a, 0xc014];
/** X25519, P-256, P-384, P-521. */
const GROUPS = [0x001d, 0x0017, 0x0018, 0x0019];
/** ECDSA, RSA-PSS and RSA with SHA-256, SHA-384 and SHA-512. */
const SIGNATURES = [0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0603, 0x0806, 0x0601];

function extensions(serverName: string | undefined): Buffer[] {
  const isName = serverName !== undefined && isIP(serverName) === 0;
  return [
    ...(isName ? [extension(0, vector(2, Buffer.concat([Buffer.of(0), vector(2, Buffer.from(serverName))])))] : []),
    extension(10, vector(2, numbers(GROUPS))),
    extension(11, vector(1, Buffer.of(0))), // uncompressed points
    extension(13, vector(2, numbers(SIGNATURES))),
    extension(0xff01, vector(1, Buffer.alloc(0))), // secure renegotiation
  ];
}

function extension(type: number, content: Buffer): Buffer {
  return Buffer.concat([numbers([type]), vector(2, content)]);
}

/** The content behind its length in so many bytes. */
function vector(lengthBytes: number, content: Buffer): Buffer {
  const length = Buffer.alloc(lengthBytes);
  length.writeUIntBE(content.length, 0, lengthBytes);
  return Buffer.concat([length, content]);
}

function numbers(values: readonly number[]): Buffer {
  return Buffer.from(values.flatMap((value) => [value >> 8, value & 0xff]));
}
