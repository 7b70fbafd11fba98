import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { looksLikeProxyHeader, readProxyHeader } from './proxy-header.js';

const rest = Buffer.from([0x16, 0x03, 0x01]);

function v1(line: string): Buffer {
  return Buffer.concat([Buffer.from(`PROXY ${line}\r\n`, 'latin1'), rest]);
}

function v2(versionAndCommand: number, familyAndTransport: number, addresses: Uint8Array): Buffer {
  const head = Buffer.from('0d0a0d0a000d0a515549540a00000000', 'hex');
  head[12] = versionAndCommand;
  head[13] = familyAndTransport;
  head.writeUInt16BE(addresses.length, 14);
  return Buffer.concat([head, addresses, rest]);
}

const ipv4 = Buffer.from([192, 0, 2, 7, 10, 0, 0, 1, 0xc0, 0x00, 0x11, 0x5b]);
const ipv6 = Buffer.concat([
  Buffer.from('20010db8000000000000000000000001', 'hex'),
  Buffer.from('20010db8000000000000000000000002', 'hex'),
  Buffer.from([1, 2, 3, 4]),
]);

describe('a PROXY header', () => {
  it.each([
    ['version 1, IPv4', v1('TCP4 192.0.2.7 10.0.0.1 49152 4443'), '192.0.2.7'],
    ['version 1, IPv6', v1('TCP6 2001:db8::1 2001:db8::2 49152 4443'), '2001:db8::1'],
    ['version 1, unknown', v1('UNKNOWN'), undefined],
    ['version 1, unknown with more text', v1('UNKNOWN ff ff 1 2 what ever'), undefined],
    ['version 2, IPv4', v2(0x21, 0x11, ipv4), '192.0.2.7'],
    ['version 2, IPv6', v2(0x21, 0x21, ipv6), '2001:db8::1'],
    ['version 2, with optional fields', v2(0x21, 0x11, Buffer.concat([ipv4, Buffer.alloc(50)])), '192.0.2.7'],
    ['version 2, local', v2(0x20, 0x00, Buffer.alloc(0)), undefined],
    ['version 2, local, with addresses that must be ignored', v2(0x20, 0x11, ipv4), undefined],
    ['version 2, unspecified', v2(0x21, 0x00, Buffer.alloc(3)), undefined],
    ['version 2, Unix', v2(0x21, 0x31, Buffer.alloc(216)), undefined],
  ])('of %s gives the client address and its own length', (_, bytes, source) => {
    expect(readProxyHeader(bytes)).toEqual({ kind: 'header', length: bytes.length - rest.length, source });
    // every prefix is incomplete
    for (let length = 0; length < bytes.length - rest.length; length++) {
      expect(readProxyHeader(bytes.subarray(0, length))).toEqual({ kind: 'incomplete' });
    }
  });

  it.each([
    ['TLS', rest],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n')],
    ['an invalid address', v1('TCP4 192.0.2.256 10.0.0.1 1 2')],
    ['an address of the other version', v1('TCP4 2001:db8::1 2001:db8::2 1 2')],
    ['no address', v1('TCP4')],
    ['a port too large', v1('TCP4 192.0.2.7 10.0.0.1 65536 2')],
    ['a port with zeros before it', v1('TCP4 192.0.2.7 10.0.0.1 01 2')],
    ['no port', v1('TCP4 192.0.2.7 10.0.0.1')],
    ['text behind the ports', v1('TCP4 192.0.2.7 10.0.0.1 1 2 3')],
    ['another transport', v1('UDP4 192.0.2.7 10.0.0.1 1 2')],
    ['a line end without CR', Buffer.from('PROXY TCP4 192.0.2.7 10.0.0.1 1 2\n')],
    ['a line without an end', Buffer.from(`PROXY ${'x'.repeat(101)}`)],
    ['version 1 in small letters', Buffer.from('proxy TCP4')],
    ['version 3', v2(0x31, 0x11, ipv4)],
    ['a command that does not exist', v2(0x22, 0x11, ipv4)],
    ['a family that does not exist', v2(0x21, 0x41, ipv4)],
    ['datagrams', v2(0x21, 0x12, ipv4)],
    ['addresses cut short', v2(0x21, 0x11, ipv4.subarray(1))],
    ['an absurd length', v2(0x21, 0x11, Buffer.alloc(4_097))],
  ])('with %s is malformed', (_, bytes) => {
    expect(readProxyHeader(bytes)).toMatchObject({ kind: 'malformed', reason: expect.any(String) });
  });

  it('in arbitrary bytes is complete, malformed, or incomplete and bounded', () => {
    const signature = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');
    const start = fc.constantFrom(
      Buffer.alloc(0),
      Buffer.from('PROXY '),
      Buffer.from('PROXY TCP4 1.2.3.4 '),
      signature,
    );
    fc.assert(
      fc.property(start, fc.uint8Array({ maxLength: 5_000 }), (head, tail) => {
        const bytes = Buffer.concat([head, tail]);
        const header = readProxyHeader(bytes);
        if (header.kind === 'header') expect(header.length).toBeLessThanOrEqual(bytes.length);
        if (header.kind === 'incomplete') expect(bytes.length).toBeLessThan(16 + 4_096);
      }),
      { numRuns: 2_000 },
    );
  });

  it('is distinguished from TLS', () => {
    expect(looksLikeProxyHeader(v1('UNKNOWN'))).toBe(true);
    expect(looksLikeProxyHeader(v2(0x20, 0, Buffer.alloc(0)))).toBe(true);
    expect(looksLikeProxyHeader(rest)).toBe(false);
    expect(looksLikeProxyHeader(Buffer.alloc(0))).toBe(false);
  });
});
