// A small ingest for tests: real mutual TLS and WebSockets; the test decides how each record is answered.

import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { createAuthority, extendedKeyUsages, issueCertificate } from '@fleetbridge/pki';
import {
  buildAck,
  buildErrorAnswer,
  decodeMessage,
  Envelope,
  readEnvelope,
  type VehicleData,
} from '@fleetbridge/protocol';
import { type WebSocket, WebSocketServer } from 'ws';

export interface ReceivedRecord {
  readonly txid: string;
  readonly senderId: string;
  readonly payload: Buffer;
  readonly message: VehicleData;
  /** Number of the connection, from 1. */
  readonly connection: number;
}

export type Answer = 'ack' | 'ack twice' | 'error' | 'nothing' | 'drop';

const vehicleAuthority = createAuthority({ commonName: 'TeslaMotors', days: 30 });
const serverAuthority = createAuthority({ commonName: 'test server CA', days: 30 });
const serverCertificate = issueCertificate({
  authority: serverAuthority,
  subject: { commonName: 'test server' },
  hosts: ['localhost', '127.0.0.1', 'telemetry.example.com'],
  extendedKeyUsage: [extendedKeyUsages.serverAuth],
  days: 30,
});
export const caPem = serverAuthority.certificatePem;

export function vehicleIdentity(vin: string) {
  const identity = issueCertificate({
    authority: vehicleAuthority,
    subject: { commonName: vin },
    extendedKeyUsage: [extendedKeyUsages.clientAuth],
    days: 30,
  });
  return { vin, ...identity };
}

/** `refuseUpgrade`: an HTTP status. `answer`: the answer to each record; `drop` ends TCP without an answer. */
export async function startVehicleServer(
  answer: (record: ReceivedRecord) => Answer,
  options: { refuseUpgrade?: number } = {},
) {
  const https = createServer({
    cert: serverCertificate.certificatePem,
    key: serverCertificate.keyPem,
    ca: vehicleAuthority.certificatePem,
    requestCert: true,
    rejectUnauthorized: true,
  });
  const webSockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  const records: ReceivedRecord[] = [];
  const sockets: WebSocket[] = [];
  const headers: NodeJS.Dict<string | string[]>[] = [];

  https.on('upgrade', (request, stream, head) => {
    if (options.refuseUpgrade !== undefined) {
      stream.end(`HTTP/1.1 ${options.refuseUpgrade} No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      return;
    }
    headers.push(request.headers);
    webSockets.handleUpgrade(request, stream, head, (socket) => {
      const connection = sockets.push(socket);
      socket.on('message', (data) => {
        const envelope = readEnvelope(data as Buffer);
        if (!(envelope instanceof Envelope)) {
          socket.send(buildErrorAnswer());
          return;
        }
        const record = {
          txid: envelope.txid.toString(),
          senderId: envelope.senderId,
          payload: envelope.payload,
          message: decodeMessage('V', envelope.payload),
          connection,
        };
        records.push(record);
        const given = answer(record);
        const { txidStart, txidEnd, topicStart, topicEnd } = envelope;
        const ack = () => socket.send(buildAck(envelope.bytes, txidStart, txidEnd, topicStart, topicEnd));
        if (given === 'ack' || given === 'ack twice') ack();
        if (given === 'ack twice') ack();
        if (given === 'error') socket.send(buildErrorAnswer(envelope.txid));
        if (given === 'drop') socket.terminate();
      });
    });
  });
  https.listen(0, '127.0.0.1');
  await once(https, 'listening');
  return {
    url: `wss://localhost:${(https.address() as AddressInfo).port}/`,
    records,
    sockets,
    headers,
    async stop() {
      for (const socket of sockets) socket.terminate();
      https.closeAllConnections();
      https.close();
      await once(https, 'close');
    },
  };
}

/** Resolves when the condition is true, checked every few milliseconds. */
export async function until(condition: () => boolean, timeoutMs = 10_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`not true within ${timeoutMs} ms: ${condition}`);
    await delay(2);
  }
}
