// A signed telemetry configuration: a JWT with the algorithm Tesla.SS256, which is a Schnorr signature over P-256.
import { createHash } from 'node:crypto';
import { add, GENERATOR, integerOf, multiply, ORDER, pointBytes, readPoint } from './p256.js';

export interface ConfigToken {
  /** The configuration with `iss` and `aud`. */
  readonly claims: Readonly<Record<string, unknown>>;
  /** 04 || x || y, from `iss`. */
  readonly publicKey: Buffer;
  readonly signingInput: string;
  readonly signature: Buffer;
}

/** Reads a token without checking its signature. Returns the reason as text when it is not one. */
export function readConfigToken(token: string): ConfigToken | string {
  const parts = token.split('.');
  const [headerPart, claimsPart, signaturePart] = parts;
  if (parts.length !== 3) return 'token must have three parts';
  const header = readJson(headerPart!);
  const claims = readJson(claimsPart!);
  if (header === undefined || claims === undefined) return 'token is not base64url of JSON';
  if (header.alg !== 'Tesla.SS256') return `unexpected signing method ${JSON.stringify(header.alg)}`;
  if (typeof claims.iss !== 'string') return 'missing iss';
  const publicKey = Buffer.from(claims.iss, 'base64');
  if (publicKey.toString('base64') !== claims.iss) return 'iss is not standard base64';
  return {
    claims,
    publicKey,
    signingInput: `${headerPart}.${claimsPart}`,
    signature: Buffer.from(signaturePart!, 'base64url'),
  };
}

/** Whether r·G + c·P = K, with every length and point checked. */
export function isSignatureValid(token: Omit<ConfigToken, 'claims'>): boolean {
  const { publicKey, signingInput, signature } = token;
  const key = readPoint(publicKey);
  const nonce =
    signature.length === 96 ? readPoint(Buffer.concat([Buffer.of(4), signature.subarray(0, 64)])) : undefined;
  if (key === undefined || nonce === undefined) return false;
  const r = integerOf(signature.subarray(64));
  if (r >= ORDER) return false;
  const parts = [pointBytes(GENERATOR), pointBytes(nonce), pointBytes(key), Buffer.from(signingInput)];
  const c =
    integerOf(
      createHash('sha256')
        .update(Buffer.concat(parts.flatMap(withLength)))
        .digest(),
    ) % ORDER;
  const sum = add(multiply(r, GENERATOR), multiply(c, key));
  return sum !== undefined && sum.x === nonce.x && sum.y === nonce.y;
}

function withLength(bytes: Buffer): Buffer[] {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return [length, bytes];
}

function readJson(part: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
