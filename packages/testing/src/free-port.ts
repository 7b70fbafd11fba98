import { createServer } from 'node:net';

const LOWEST = 12_000;
/** Below the range from which the system takes ports of outgoing connections, one of which could take it meanwhile. */
const END = 32_000;
const given = new Set<number>();

/** A port of 127.0.0.1 that is free now, for processes that can't choose one themselves. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = LOWEST + Math.floor(Math.random() * (END - LOWEST));
    if (given.has(port) || !(await isFreePort(port))) continue;
    given.add(port);
    return port;
  }
}

export function isFreePort(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
