// The endpoints of a command fleet on a real HTTPS server.
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { CommandFleet, FleetAnswer, FleetReply } from './fleet.js';

export interface FleetServer {
  /** `https://127.0.0.1:<port>`. */
  url: string;
  stop(): Promise<void>;
}

export interface FleetServerOptions {
  fleet: Pick<CommandFleet, 'handleFleetRequest'>;
  /** PEM. */
  certificate: string;
  key: string;
  /** On loopback; any free port by default. */
  port?: number;
}

export async function startFleetServer({
  fleet,
  certificate,
  key,
  port = 0,
}: FleetServerOptions): Promise<FleetServer> {
  const server = createServer({ cert: certificate, key }, (request, response) => {
    void respond(fleet, request, response).catch(() => response.destroy());
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function respond(
  fleet: FleetServerOptions['fleet'],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks).toString('utf8');
  const reply = await fleet.handleFleetRequest(request.method ?? '', request.url ?? '', request.headers, body);
  sendFleetReply(reply ?? { kind: 'answer', status: 404, headers: {}, body: '' }, response);
}

/** For servers that mount `handleFleetRequest`. */
export function sendFleetReply(reply: FleetReply, response: ServerResponse): void {
  if (reply.kind === 'never') return;
  if (reply.kind === 'cut') {
    response.socket?.destroy();
    return;
  }
  after(response, reply.delayMs ?? 0, () => sendAnswer(reply, response));
}

function sendAnswer({ status, headers, body, pauseMs, isCut }: FleetAnswer, response: ServerResponse): void {
  const bytes = Buffer.from(body);
  response.writeHead(status, { ...headers, 'content-length': bytes.length });
  if (pauseMs === undefined) {
    response.end(bytes);
    return;
  }
  const half = bytes.length >> 1;
  response.write(bytes.subarray(0, half));
  after(response, pauseMs, () => {
    if (isCut) response.socket?.destroy();
    else response.end(bytes.subarray(half));
  });
}

function after(response: ServerResponse, delayMs: number, run: () => void): void {
  if (delayMs === 0) {
    run();
    return;
  }
  const timer = setTimeout(run, delayMs);
  response.once('close', () => clearTimeout(timer));
}
