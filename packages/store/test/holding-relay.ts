// A TCP relay that delivers late: after a network failure, TCP can deliver bytes of a connection that its sender has closed in
// the meantime.
import { connect, createServer, type Socket } from 'node:net';

export async function startHoldingRelay(targetPort: number) {
  const connections = new Set<{ client: Socket; target: Socket; held: Buffer[] | undefined }>();
  const held: { target: Socket; bytes: Buffer[] }[] = [];
  const relay = createServer((client) => {
    const target = connect(targetPort, '127.0.0.1');
    const connection = { client, target, held: undefined as Buffer[] | undefined };
    connections.add(connection);
    for (const socket of [client, target]) socket.on('error', () => {});
    client.on('data', (bytes) => (connection.held ? connection.held.push(bytes) : target.write(bytes)));
    target.on('data', (bytes) => client.write(bytes));
    client.on('close', () => connection.held ?? target.destroy());
  });
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
  return {
    port: (relay.address() as { port: number }).port,
    get heldBytes() {
      return held.reduce((sum, { bytes }) => sum + Buffer.concat(bytes).length, 0);
    },
    /** Stops forwarding what the current connections send. */
    hold() {
      for (const connection of connections) {
        connection.held = [];
        held.push({ target: connection.target, bytes: connection.held });
      }
    },
    /** Closes the held connections on the side of the client only. */
    cut() {
      for (const { client, held } of connections) if (held) client.destroy();
    },
    /** Forwards the held bytes. Resolves when the target has answered them. */
    async deliverHeld() {
      for (const { target, bytes } of held) {
        target.write(Buffer.concat(bytes));
        await new Promise((resolve) => target.once('data', resolve));
      }
    },
    async stop() {
      for (const { client, target } of connections) {
        client.destroy();
        target.destroy();
      }
      await new Promise((resolve) => relay.close(resolve));
    },
  };
}
