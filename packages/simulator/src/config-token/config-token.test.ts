import { describe, expect, it } from 'vitest';
import { createApplicationKey, signConfig } from '../../test/tesla-client.js';
import { type ConfigToken, isSignatureValid, readConfigToken } from './config-token.js';

/** Signed by other programs. */
const foreignTokens = [
  [
    'eyJhbGciOiJUZXNsYS5TUzI1NiIsInR5cCI6IkpXVCJ9.eyJhdWQiOiJjb20udGVzbGEudmVoaWNsZS5NM1RFUkFTSElNQUJVQ0s',
    'wMSIsImZvbyI6ImJhciIsImlzcyI6IkJIZGVMdlZ3MHBMZlFrd0o5dzU5bFdlTlhPZUJKS3l6K1RkYkdZcE5xZm5wOE14dGlBNHV',
    'ZRzZiQWJENllzWVZEamNhcGRqMzhKeko0YjA2RzBTWWsrdz0ifQ.4Xq2tsynDYOhLBWpnqLJfsAzdOqTOwHkVowI47A-yzVXIQHa',
    'awObJvAYRoRs61oVwWiEQ7XYXG8WE_Vz_49eVirAV9NGKymj3HBTTjN5DmViWmFzfaIOXRWKJlE--vzU',
  ].join(''),
  [
    'eyJhbGciOiJUZXNsYS5TUzI1NiIsInR5cCI6IkpXVCJ9.eyJhdWQiOiJjb20udGVzbGEuZmxlZXQuVGVsZW1ldHJ5Q2xpZW50Iiw',
    'iY2EiOiItLS0tLUJFR0lOIENFUlRJRklDQVRFLS0tLS1cbk1JSUJcbi0tLS0tRU5EIENFUlRJRklDQVRFLS0tLS1cbiIsImV4cCI',
    '6MTc5ODc2MTYwMCwiZmllbGRzIjp7IkxvY2F0aW9uIjp7ImludGVydmFsX3NlY29uZHMiOjF9LCJTb2MiOnsiaW50ZXJ2YWxfc2V',
    'jb25kcyI6MzB9fSwiaG9zdG5hbWUiOiJ0ZWxlbWV0cnkuZXhhbXBsZS5jb20iLCJpc3MiOiJCR1J2OS9aYk8xdlRRcHo3S3VkUUR',
    '1a2lkWXU2NTRZTDRJdDY1NUswcDdVR3ZCRXFuUVpLR0tWYVllTXhnRXFQNkVrdC9FL0FqbW1WeVhuQkpTczIrVVk9IiwicG9ydCI',
    '6NDQ0M30.NOTRLCkhU0uljly7Z1DrBZFA5HkWZXSDeYFCqPwUfpy8rcehw6mOY37Ptm4CDxQcjTz05azx6dc6lWHlt-_qs9d0K1U',
    'yB8ktvp__K4Ls0UXLlHaVpC0jlfJBJr-yEsNN',
  ].join(''),
  [
    'eyJhbGciOiJUZXNsYS5TUzI1NiIsInR5cCI6IkpXVCJ9.eyJhbGVydF90eXBlcyI6WyJzZXJ2aWNlIl0sImF1ZCI6ImNvbS50ZXN',
    'sYS5mbGVldC5UZWxlbWV0cnlDbGllbnQiLCJjYSI6IngiLCJmaWVsZHMiOnsiR2VhciI6eyJpbnRlcnZhbF9zZWNvbmRzIjoxfX0',
    'sImhvc3RuYW1lIjoidGVsZW1ldHJ5LmV4YW1wbGUuY29tIiwiaXNzIjoiQkdEKzFMb2xXcDB4eVdIcmRNWTFiV2pBU2JpU08ySDZ',
    'iT1pwWWk1ZzhwKzJlUVArRUFpNHZKbWtHdW5wVmlpOFpQTHhzZ3d0ZnA5UmQ2UENsTlJHSXBrPSIsInBvcnQiOjQ0MywicHJlZmV',
    'yX3R5cGVkIjp0cnVlfQ.-dkXw2KO-DtzrBn2hfqKOHvwBbUGeWrZDHRyfOSjbrIFxMAQ3r56sL_9wtDzfK53aFjYeTr3PBk_1sTu',
    'uMxVMv_QtcmYgdHjDUOyAdsFJZbaOuxzjdivc7uoWmuhLS1v',
  ].join(''),
];

function read(token: string): ConfigToken {
  const result = readConfigToken(token);
  if (typeof result === 'string') throw new Error(result);
  return result;
}

describe('the check of a signed configuration', () => {
  it('accepts tokens that other programs signed, and our test signer', () => {
    for (const token of foreignTokens) expect(isSignatureValid(read(token))).toBe(true);
    expect(isSignatureValid(read(signConfig(createApplicationKey().privateKey, { port: 1 })))).toBe(true);
  });

  it('rejects a changed claim, a changed signature, another key and a wrong length', () => {
    const token = read(foreignTokens[1]!);
    const other = read(foreignTokens[2]!);
    expect(isSignatureValid({ ...token, signingInput: `${token.signingInput}x` })).toBe(false);
    expect(isSignatureValid({ ...token, publicKey: other.publicKey })).toBe(false);
    expect(isSignatureValid({ ...token, publicKey: Buffer.alloc(65, 4) })).toBe(false);
    expect(isSignatureValid({ ...token, signature: token.signature.subarray(1) })).toBe(false);
    for (const index of [0, 40, 95]) {
      const signature = Buffer.from(token.signature);
      signature[index]! ^= 1;
      expect(isSignatureValid({ ...token, signature })).toBe(false);
    }
  });

  it('reports why a text is not a token', () => {
    expect(readConfigToken('a.b')).toBe('token must have three parts');
    expect(readConfigToken('a.b.c')).toBe('token is not base64url of JSON');
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    expect(readConfigToken(`${part({ alg: 'ES256' })}.${part({})}.x`)).toBe('unexpected signing method "ES256"');
    expect(readConfigToken(`${part({ alg: 'Tesla.SS256' })}.${part({})}.x`)).toBe('missing iss');
  });
});
