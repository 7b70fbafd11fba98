// A small TCP balancer: connections are distributed over ports in turn, and can be cut or made half-open.
import { connect, createServer, type Socket } from 'node:net';

export type TcpBalancer = Awaited<ReturnType<typeof startTcpBalancer>>;

export async function startTcpBalancer(ports: number[]) {
  const pairs = new Set<{ client: Socket; target: Socket; isHalfOpen: boolean }>();
  let next = 0;
  const server = createServer((client) => {
    if (balancer.ports.length === 0) {
      client.destroy();
      return;
    }
    const target = connect(balancer.ports[next++ % balancer.ports.length]!, '127.0.0.1');
    const pair = { client, target, isHalfOpen: false };
    pairs.add(pair);
    const pass = (from: Socket, to: Socket) => {
      from.on('error', () => {});
      from.on('data', (data) => {
        if (!pair.isHalfOpen) to.write(data);
      });
      from.on('close', () => {
        // the server does not notice that its client is gone
        if (pair.isHalfOpen && from === client) return;
        pairs.delete(pair);
        to.destroy();
      });
    };
    pass(client, target);
    pass(target, client);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const cut = () => {
    for (const { client, target } of pairs) {
      client.destroy();
      target.destroy();
    }
  };
  const balancer = {
    ports,
    url: `ws://127.0.0.1:${port}`,
    /** Ends all current connections at both ends. */
    cut,
    /** All current connections stay open for the server and carry nothing more; the clients find them broken. */
    freeze: () => {
      for (const pair of pairs) {
        pair.isHalfOpen = true;
        pair.client.destroy();
      }
    },
    stop: () => {
      cut();
      return new Promise((resolve) => server.close(resolve));
    },
  };
  return balancer;
}
