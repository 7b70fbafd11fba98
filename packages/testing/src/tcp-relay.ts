// A TCP relay between two real peers that can lose answers or cut connections, like a network.
import { connect, createServer, type Socket } from 'node:net';

export interface TcpRelay {
  port: number;
  /** Target of new connections. */
  targetPort: number;
  /** While true, the target's answers are dropped (requests still arrive). */
  losesAnswers: boolean;
  /** Ends all current connections. */
  cut(): void;
  stop(): Promise<void>;
}

export async function startTcpRelay(targetPort: number): Promise<TcpRelay> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const target = connect(relay.targetPort, '127.0.0.1');
    for (const socket of [client, target]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        target.destroy();
      });
    }
    client.on('data', (data) => target.write(data));
    target.on('data', (data) => {
      if (!relay.losesAnswers) client.write(data);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const relay: TcpRelay = {
    port: (server.address() as { port: number }).port,
    targetPort,
    losesAnswers: false,
    cut: () => {
      for (const socket of sockets) socket.destroy();
    },
    stop: async () => {
      relay.cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return relay;
}
