import { expect, it } from 'vitest';
import { inheritedSockets } from './inherited-sockets.js';

it.each<[Record<string, string>, [string, number][]]>([
  [{}, []],
  [
    { LISTEN_FDS: '2', LISTEN_FDNAMES: 'clients:grpc' },
    [
      ['clients', 3],
      ['grpc', 4],
    ],
  ],
  [{ LISTEN_FDS: '2', LISTEN_FDNAMES: ':grpc' }, [['grpc', 4]]],
  [{ LISTEN_FDS: '1', LISTEN_FDNAMES: 'clients:grpc' }, [['clients', 3]]],
  [{ LISTEN_FDS: '1', LISTEN_FDNAMES: 'clients', LISTEN_PID: String(process.pid) }, [['clients', 3]]],
  [{ LISTEN_FDS: '1', LISTEN_FDNAMES: 'clients', LISTEN_PID: '1' }, []],
  [{ LISTEN_FDS: 'x', LISTEN_FDNAMES: 'clients' }, []],
])('%j passes %j', (env, ports) => {
  expect([...inheritedSockets(env)]).toEqual(ports);
});
