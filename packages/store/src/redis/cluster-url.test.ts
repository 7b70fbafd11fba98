import { describe, expect, it } from 'vitest';
import { clusterOf } from './cluster-url.js';

describe('clusterOf', () => {
  it.each([
    ['redis+cluster://a:1,b:2', { nodes: [{ host: 'a', port: 1 }, { host: 'b', port: 2 }] }], // biome-ignore format: a row
    ['redis+cluster://a', { nodes: [{ host: 'a', port: 6379 }] }],
    ['REDIS+CLUSTER://[::1]:7000', { nodes: [{ host: '::1', port: 7000 }] }],
    ['rediss+cluster://a:1', { nodes: [{ host: 'a', port: 1 }], tls: {} }],
    ['redis+cluster://:p%40ss@a:1', { nodes: [{ host: 'a', port: 1 }], password: 'p@ss' }],
    ['redis+cluster://me:p:w@a:1', { nodes: [{ host: 'a', port: 1 }], username: 'me', password: 'p:w' }],
  ])('reads %s', (url, address) => {
    expect(clusterOf(url)).toEqual(address);
  });

  it('leaves the URL of a single Redis to the client', () => {
    expect(clusterOf('redis://:p@a:1/0')).toBeUndefined();
    expect(clusterOf('rediss://a')).toBeUndefined();
  });
});
