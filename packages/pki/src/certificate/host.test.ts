import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseHost } from './host.js';

describe('parseHost', () => {
  it.each([
    ['localhost', 'localhost'],
    ['Telemetry.Example.COM', 'telemetry.example.com'],
    ['example.com.', 'example.com'],
    ['*.example.com', '*.example.com'],
    ['my_service', 'my_service'],
    ['bücher.example', 'xn--bcher-kva.example'],
  ])('reads %s as the DNS name %s', (text, name) => {
    expect(parseHost(text)).toEqual({ kind: 'dns', name });
  });

  it.each([
    ['127.0.0.1', '127.0.0.1', '7f000001'],
    ['::1', '::1', '00000000000000000000000000000001'],
    ['::', '::', '00000000000000000000000000000000'],
    ['0:0:0:0:0:0:0:1', '::1', '00000000000000000000000000000001'],
    ['FE80::0001:a', 'fe80::1:a', 'fe80000000000000000000000001000a'],
    ['2001:db8::', '2001:db8::', '20010db8000000000000000000000000'],
    ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
    ['::ffff:1.2.3.4', '::ffff:102:304', '00000000000000000000ffff01020304'],
  ])('reads %s as the address %s', (text, name, hex) => {
    const host = parseHost(text);
    expect(host).toMatchObject({ kind: 'ip', name });
    expect(host?.kind === 'ip' && Buffer.from(host.octets).toString('hex')).toBe(hex);
  });

  it.each([
    '',
    '.',
    'a b',
    'a..b',
    '-a',
    'a-',
    'fe80::1%eth0',
    '256.1.1.1',
    '1.2.3',
    'https://x',
    'x:443',
    '*',
    'a.*.b',
    'x'.repeat(64),
  ])('rejects %j', (text) => {
    expect(parseHost(text)).toBeUndefined();
  });

  it('returns its own names unchanged', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain()), (text) => {
        const host = parseHost(text);
        if (host !== undefined) expect(parseHost(host.name)).toEqual(host);
      }),
    );
  });
});
