import { describe, expect, it } from 'vitest';
import { createNetworkSet, parseNetwork, rateLimitKey } from './networks.js';

describe('parseNetwork', () => {
  it('reads addresses and networks of both versions', () => {
    expect(parseNetwork('192.0.2.1')).toEqual({ address: '192.0.2.1', prefix: 32, family: 'ipv4' });
    expect(parseNetwork('10.0.0.0/8')).toEqual({ address: '10.0.0.0', prefix: 8, family: 'ipv4' });
    expect(parseNetwork('2001:db8::/32')).toEqual({ address: '2001:db8::', prefix: 32, family: 'ipv6' });
    expect(parseNetwork('0.0.0.0/0')?.prefix).toBe(0);
  });

  it.each([
    '',
    '10.0.0',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '::/129',
    'balancer',
    'fe80::1%eth0',
    '10.0.0.0/-1',
  ])('rejects %j', (text) => expect(parseNetwork(text)).toBeUndefined());
});

describe('a set of networks', () => {
  it('contains addresses inside, also IPv4 in IPv6 form', () => {
    const has = createNetworkSet(['10.1.0.0/16', '192.0.2.7', '2001:db8::/32']);
    for (const inside of ['10.1.255.1', '::ffff:10.1.0.1', '192.0.2.7', '2001:db8:1::1'])
      expect(has(inside)).toBe(true);
    for (const outside of ['10.2.0.1', '192.0.2.8', '2001:db9::1', '', 'x']) expect(has(outside)).toBe(false);
  });

  it('contains nothing when it is empty', () => {
    expect(createNetworkSet([])('127.0.0.1')).toBe(false);
  });
});

it('limits an IPv6 subscriber by its /64, whichever address it uses', () => {
  expect(rateLimitKey('2001:db8:0:1:aaaa::1')).toBe(rateLimitKey('2001:0db8::1:0:0:0:2'));
  expect(rateLimitKey('2001:db8:0:1::1')).not.toBe(rateLimitKey('2001:db8:0:2::1'));
  expect(rateLimitKey('::1')).toBe('0:0:0:0::/64');
  expect(rateLimitKey('::ffff:192.0.2.1')).toBe('192.0.2.1');
});
