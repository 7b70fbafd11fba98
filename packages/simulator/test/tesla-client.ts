// A client of the stand-in for tests: real HTTPS, an application key, and configurations signed with it.
import { createECDH, createHash, createPublicKey, type KeyObject, randomBytes } from 'node:crypto';
import { request as httpsRequest } from 'node:https';
import { newPrivateKey } from '@fleetbridge/pki';

export interface Reply {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests read any answer
  readonly json: any;
}

/** `body`: an object is sent as JSON, URLSearchParams as a form. */
export function createHttpClient(caPem: string) {
  return (
    method: string,
    url: string,
    { token, body }: { token?: string | undefined; body?: object | URLSearchParams } = {},
  ): Promise<Reply> =>
    new Promise((resolve, reject) => {
      const isForm = body instanceof URLSearchParams;
      const request = httpsRequest(url, {
        method,
        ca: caPem,
        agent: false,
        headers: {
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          'content-type': isForm ? 'application/x-www-form-urlencoded' : 'application/json',
        },
      });
      request.on('error', reject);
      request.on('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          const isJson = text.startsWith('{');
          resolve({
            status: response.statusCode!,
            headers: response.headers,
            text,
            json: isJson ? JSON.parse(text) : undefined,
          });
        });
      });
      request.end(body === undefined ? undefined : isForm ? body.toString() : JSON.stringify(body));
    });
}

export function createApplicationKey() {
  const privateKey = newPrivateKey();
  return { privateKey, publicKeyPem: createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }).toString() };
}

const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const GENERATOR = publicPoint(Buffer.from('01'.padStart(64, '0'), 'hex'));

/** With a random nonce: any nonce gives a valid signature. */
export function signConfig(privateKey: KeyObject, config: object): string {
  const secret = Buffer.from(privateKey.export({ format: 'jwk' }).d!, 'base64url');
  const key = publicPoint(secret);
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { ...config, iss: key.toString('base64'), aud: 'com.tesla.fleet.TelemetryClient' };
  const input = `${part({ alg: 'Tesla.SS256', typ: 'JWT' })}.${part(claims)}`;
  const k = (integer(randomBytes(32)) % (ORDER - 1n)) + 1n;
  const nonce = publicPoint(bytes(k));
  const hash = createHash('sha256');
  for (const item of [GENERATOR, nonce, key, Buffer.from(input)]) {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(item.length);
    hash.update(length).update(item);
  }
  const r = (((k - integer(hash.digest()) * integer(secret)) % ORDER) + ORDER) % ORDER;
  return `${input}.${Buffer.concat([nonce.subarray(1), bytes(r)]).toString('base64url')}`;
}

function publicPoint(secret: Buffer): Buffer {
  const ecdh = createECDH('prime256v1');
  ecdh.setPrivateKey(secret);
  return ecdh.getPublicKey();
}

const integer = (from: Uint8Array) => BigInt(`0x${Buffer.from(from).toString('hex')}`);
const bytes = (from: bigint) => Buffer.from(from.toString(16).padStart(64, '0'), 'hex');
