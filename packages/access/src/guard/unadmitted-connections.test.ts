import { expect, it } from 'vitest';
import { UnadmittedConnections } from './unadmitted-connections.js';

function open(limits = { unadmittedPerAddress: 2, unadmitted: 4 }) {
  const ended: string[] = [];
  const refused: string[] = [];
  const connections = new UnadmittedConnections({
    limits,
    isProxy: (address) => address === '10.0.0.1',
    countRefused: (reason) => void refused.push(reason),
  });
  return {
    connections,
    ended,
    refused,
    add: (name: string, address: string) => connections.add(address, () => ended.push(name)),
  };
}

it('ends the oldest connection of an address beyond its limit, and not one that was admitted', () => {
  const { connections, ended, refused, add } = open();
  const admit = add('first', '192.0.2.1');
  admit();
  for (const name of ['a', 'b', 'c']) add(name, '192.0.2.1');
  add('d', '192.0.2.2');
  expect(ended).toEqual(['a']);
  expect(refused).toEqual(['address_unadmitted']);
  expect(connections.size).toBe(3);
});

it('ends the oldest of all connections beyond the limit in all, and counts a proxy only there', () => {
  const { ended, refused, add } = open();
  for (const name of ['a', 'b', 'c', 'd']) add(name, '10.0.0.1');
  expect(ended).toEqual([]);
  add('e', '192.0.2.1');
  expect(ended).toEqual(['a']);
  expect(refused).toEqual(['too_many_unadmitted']);
});

it('counts the addresses of an IPv6 network together', () => {
  const { ended, add } = open();
  for (const n of [1, 2, 3]) add(`c-${n}`, `2001:db8::${n}`);
  expect(ended).toEqual(['c-1']);
});
