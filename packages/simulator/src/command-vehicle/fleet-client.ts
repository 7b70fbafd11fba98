// A client of the endpoints for commands, with real HTTPS. It resolves with what became of a call, as a signer needs it.
import { Agent, request } from 'node:https';
import { signedCommandBody, type TransportResult } from '@fleetbridge/vehicle-command';

export interface CallLimit {
  timeoutMs: number;
}

export interface FleetClientOptions {
  url: string;
  /** The CA of the server's certificate. */
  caPem: string;
  /** Of the owner's account. */
  accountToken: string;
}

export type FleetClient = ReturnType<typeof createFleetClient>;

export function createFleetClient({ url, caPem, accountToken }: FleetClientOptions) {
  const agent = new Agent({ ca: caPem, keepAlive: true });
  const headers = { authorization: `Bearer ${accountToken}`, 'content-type': 'application/json' };

  const post = (path: string, body: string, { timeoutMs }: CallLimit): Promise<TransportResult> =>
    new Promise((resolve) => {
      const call = request(url + path, { method: 'POST', agent, headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const retryAfter = response.headers['retry-after'];
          const text = Buffer.concat(chunks).toString('utf8');
          resolve({ kind: 'http', status: response.statusCode!, body: text, ...(retryAfter && { retryAfter }) });
        });
        response.on('error', (error) => resolve({ kind: 'broken', cause: error.message }));
      });
      const timer = setTimeout(() => {
        resolve({ kind: 'timed_out' });
        call.destroy();
      }, timeoutMs);
      call.on('close', () => clearTimeout(timer));
      call.on('error', (error) => resolve({ kind: 'broken', cause: error.message }));
      call.end(body);
    });

  return {
    post,
    signedCommand: (vin: string, message: Uint8Array, limit: CallLimit) =>
      post(`/api/1/vehicles/${vin}/signed_command`, signedCommandBody(message), limit),
    plainCommand: (vin: string, name: string, body: string, limit: CallLimit) =>
      post(`/api/1/vehicles/${vin}/command/${name}`, body, limit),
    wakeUp: (vin: string, limit: CallLimit) => post(`/api/1/vehicles/${vin}/wake_up`, '', limit),
    stop: () => agent.destroy(),
  };
}
