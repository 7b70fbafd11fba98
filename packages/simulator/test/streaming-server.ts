// A small streaming server for tests: accepts connections, records messages, sends what the test asks for.

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';

export interface StreamingConnection {
  readonly socket: WebSocket;
  readonly tcp: Socket;
  readonly received: Record<string, unknown>[];
  /** Undefined while it is open. */
  closeCode: number | undefined;
  send(message: object | string): void;
  /** A data:update of the tag that the client subscribed to. */
  update(value: string): void;
}

/** `onSubscribe` is called with each connection's number, from 1, after its first message. */
export async function startStreamingServer(
  onSubscribe: (connection: StreamingConnection, n: number) => void = () => {},
) {
  const http = createServer();
  const webSockets = new WebSocketServer({ noServer: true });
  const connections: StreamingConnection[] = [];
  const paths: string[] = [];
  const behaviour: { refuseWith: number | undefined } = { refuseWith: undefined };
  http.on('upgrade', (request, stream, head) => {
    paths.push(request.url ?? '');
    if (behaviour.refuseWith !== undefined) {
      stream.end(`HTTP/1.1 ${behaviour.refuseWith} No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    webSockets.handleUpgrade(request, stream, head, (socket) => {
      const send = (message: object | string) =>
        socket.send(typeof message === 'string' ? message : JSON.stringify(message));
      const connection: StreamingConnection = {
        socket,
        tcp: request.socket,
        received: [],
        closeCode: undefined,
        send,
        update: (value) => send({ msg_type: 'data:update', tag: connection.received[0]!.tag, value }),
      };
      const n = connections.push(connection);
      socket.on('message', (data) => {
        connection.received.push(JSON.parse(data.toString()));
        if (connection.received.length === 1) onSubscribe(connection, n);
      });
      socket.on('close', (code) => {
        connection.closeCode = code;
      });
    });
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  return {
    url: `ws://127.0.0.1:${(http.address() as AddressInfo).port}`,
    connections,
    paths,
    behaviour,
    async stop() {
      for (const { socket } of connections) socket.terminate();
      http.closeAllConnections();
      http.close();
      await once(http, 'close');
    },
  };
}

export const hello = { msg_type: 'control:hello', connection_timeout: 30_000 };

export function errorMessage(errorType: string, value?: string) {
  return { msg_type: 'data:error', tag: 'VIN', error_type: errorType, ...(value === undefined ? {} : { value }) };
}
