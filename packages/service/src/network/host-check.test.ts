import { expect, it } from 'vitest';
import { isPrivateHostName } from './host-check.js';

it('accepts addresses and names that no public domain can have, and rejects others', () => {
  const accepted = ['127.0.0.1', '[::1]', 'localhost', 'nas', 'nas.local', 'Fleet.home.arpa', '10.0.0.5'];
  expect(accepted.filter((host) => !isPrivateHostName(host))).toEqual([]);
  const rejected = ['example.com', 'rebind.example.org.', 'localhost.example.com', '127.0.0.1.example.net'];
  expect(rejected.filter(isPrivateHostName)).toEqual([]);
});
