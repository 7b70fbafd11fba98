import { expect, it } from 'vitest';
import { isPrivateHostName } from './host-check.js';

it('addresses and names that are nobody else’s are own ones', () => {
  const own = ['127.0.0.1', '[::1]', 'localhost', 'nas', 'nas.local', 'Fleet.home.arpa', '10.0.0.5'];
  expect(own.filter((host) => !isPrivateHostName(host))).toEqual([]);
  const others = ['example.com', 'rebind.example.org.', 'localhost.example.com', '127.0.0.1.example.net'];
  expect(others.filter(isPrivateHostName)).toEqual([]);
});
