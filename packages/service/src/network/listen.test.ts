import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { ListenError } from './errors.js';
import { explainListenError, listen } from './listen.js';

async function failureOf(host: string, port: number): Promise<unknown> {
  const server = createServer().listen(port, host);
  const [error] = await once(server, 'error');
  return error;
}

test('a port in use is reported with its purpose and the variable that sets it', async () => {
  const holder = createServer().listen(0, '127.0.0.1');
  await once(holder, 'listening');
  const { port } = holder.address() as AddressInfo;
  const cause = await failureOf('127.0.0.1', port);
  holder.close();

  const error = explainListenError(cause, { host: '127.0.0.1', port, variable: 'INGEST_PORT', purpose: 'vehicles' });
  expect(error).toBeInstanceOf(ListenError);
  expect(error).toMatchObject({ code: 'port_in_use', host: '127.0.0.1', port, variable: 'INGEST_PORT', cause });
  expect((error as ListenError).message).toBe(
    `port ${port} on 127.0.0.1 (vehicles) is in use by another process; stop that one or choose another port with INGEST_PORT`,
  );
});

test('an address of another machine is distinguished from a port in use', async () => {
  // 192.0.2.0/24 is reserved for documentation and never an address of a real machine.
  const cause = await failureOf('192.0.2.1', 0);
  const facts = { host: '192.0.2.1', port: 0, variable: 'INGEST_PORT', hostVariable: 'ADMIN_HOST' };
  const error = explainListenError(cause, facts) as ListenError;
  expect(error.code).toBe('address_unavailable');
  expect(error.message).toContain('set ADMIN_HOST to one that is');
});

test('a forbidden port is explained: ports below 1024 need a privilege', () => {
  // Constructed: the tests may run as root, which is allowed to open privileged ports.
  const cause = Object.assign(new Error('listen EACCES'), { code: 'EACCES' });
  const error = explainListenError(cause, { host: '0.0.0.0', port: 443, variable: 'INGEST_PORT' }) as ListenError;
  expect(error.code).toBe('port_forbidden');
  expect(error.message).toContain('choose another with INGEST_PORT');
});

test('any other error is returned unchanged', () => {
  const facts = { host: 'h', port: 1, variable: 'V' };
  for (const error of [new Error('no'), undefined, 'text']) expect(explainListenError(error, facts)).toBe(error);
});

test('listen resolves to the port, and rejects with a ListenError for a port in use', async () => {
  const facts = { host: '127.0.0.1', variable: 'INGEST_PORT', hostVariable: 'INGEST_HOST', purpose: 'vehicles' };
  const server = createServer();
  const port = await listen(server, { ...facts, port: 0 });
  expect(port).toBe((server.address() as AddressInfo).port);
  await expect(listen(createServer(), { ...facts, port })).rejects.toMatchObject({ code: 'port_in_use', port });
  server.close();
});

test('listen names all addresses when no host is set', async () => {
  const holder = createServer();
  const port = await listen(holder, { host: undefined, port: 0, variable: 'INGEST_PORT' });
  await expect(listen(createServer(), { host: undefined, port, variable: 'INGEST_PORT' })).rejects.toThrow(
    `port ${port} on all addresses is in use`,
  );
  holder.close();
});
