import { describe, expect, it } from 'vitest';
import { createAddressOf } from './client-address.js';

describe('the address of a client', () => {
  it.each([
    ['the connection’s, when no proxy is trusted', [], '192.0.2.1', '203.0.113.9', '192.0.2.1'],
    ['the connection’s, when it is not a trusted proxy', ['10.0.0.0/8'], '192.0.2.1', '203.0.113.9', '192.0.2.1'],
    ['what a trusted proxy reports', ['10.0.0.0/8'], '10.1.2.3', '203.0.113.9', '203.0.113.9'],
    ['the last untrusted hop', ['10.0.0.0/8'], '10.1.2.3', '1.1.1.1, 203.0.113.9, 10.9.9.9', '203.0.113.9'],
    ['the proxy’s own, when it reports nothing', ['10.1.2.3'], '10.1.2.3', undefined, '10.1.2.3'],
    ['the proxy’s own, when it reports no address', ['10.1.2.3'], '10.1.2.3', 'unknown', '10.1.2.3'],
    ['the same for IPv4 in IPv6', ['10.1.2.3'], '::ffff:10.1.2.3', '::ffff:203.0.113.9', '203.0.113.9'],
    ['the same for a link-local proxy', ['fe80::1%eth0'], 'fe80::1%eth0', '2001:db8::1', '2001:db8::1'],
    ['the same for IPv6', ['fd00::/8'], 'fd00::1', '2001:db8::1', '2001:db8::1'],
  ])('is %s', (_, proxies, remoteAddress, forwardedFor, expected) => {
    expect(createAddressOf(proxies)({ remoteAddress, forwardedFor })).toBe(expected);
  });

  it.each(['proxy.example', '10.0.0.0/33', '10.0.0.0/8/8', '', '10.0.0.0/x'])(
    'rejects the proxy %j with its text',
    (proxy) => {
      expect(() => createAddressOf(['10.1.2.3', proxy])).toThrow(new RangeError(proxy));
    },
  );
});
