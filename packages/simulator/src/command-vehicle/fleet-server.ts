// The endpoints of a command fleet on a real HTTPS server.
import type { ServerResponse } from 'node:http';
import { readBody, startLoopbackServer } from '../loopback-server/index.js';
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

export async function startFleetServer(options: FleetServerOptions): Promise<FleetServer> {
  const { fleet, certificate, key, port = 0 } = options;
  const server = await startLoopbackServer({
    certificatePem: certificate,
    keyPem: key,
    port,
    async respond(request, response) {
      const body = (await readBody(request)) ?? '';
      const reply = await fleet.handleFleetRequest(request.method ?? '', request.url ?? '', request.headers, body);
      sendFleetReply(reply ?? { kind: 'answer', status: 404, headers: {}, body: '' }, response);
    },
  });
  return { url: `https://127.0.0.1:${server.port}`, stop: server.stop };
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
