// A broker without MQTT 5: a relay to a real one that refuses version 5 as brokers of MQTT 3.1.1 do.
import { connect, createServer, type Socket } from 'node:net';

export interface OldBroker {
  port: number;
  /** Connections with MQTT 5. */
  refused: number;
  stop(): Promise<unknown>;
}

const VERSION_REFUSED = Buffer.from([0x20, 2, 0, 1]);

export async function startOldBroker(targetPort: number): Promise<OldBroker> {
  const clients = new Set<Socket>();
  const server = createServer((client) => {
    clients.add(client);
    client.on('error', () => {});
    client.on('close', () => clients.delete(client));
    client.once('data', (first) => {
      // the protocol's version follows its name; the header has a length of one or two bytes
      if (first[first.indexOf('MQTT') + 4] === 5) {
        old.refused++;
        client.end(VERSION_REFUSED);
        return;
      }
      const target = connect(targetPort, '127.0.0.1');
      target.on('error', () => {});
      target.on('close', () => client.destroy());
      client.on('close', () => target.destroy());
      target.write(first);
      client.pipe(target);
      target.pipe(client);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const old: OldBroker = {
    port: (server.address() as { port: number }).port,
    refused: 0,
    stop: () => {
      for (const client of clients) client.destroy();
      return new Promise((resolve) => server.close(resolve));
    },
  };
  return old;
}
