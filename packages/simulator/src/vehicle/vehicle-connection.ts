// One connection to ingest as a vehicle opens it: mutual TLS, a WebSocket, envelopes out, acks and error answers in. It
// has no backlog and resends nothing; see vehicle.ts.

import { isIP, type LookupFunction } from 'node:net';
import {
  EnvelopeError,
  type RecordEnvelope,
  readEnvelope,
  STREAM_ACK,
  writeRecordEnvelope,
} from '@fleetbridge/protocol';
import { WebSocket } from 'ws';

export interface VehicleConnectionOptions {
  /** `wss://host:port/` */
  readonly url: string;
  readonly certificatePem: string;
  /** PKCS#8. Empty, like the certificate, for a vehicle without a certificate. */
  readonly keyPem: string;
  /** The CA of the server's certificate. */
  readonly caPem: string;
  /** The name in the server's certificate, if it is not the host of the URL. */
  readonly servername?: string;
  /** Address of the host name in the URL; default: the system's. */
  readonly lookup?: (hostname: string) => string | Promise<string>;
  /** A vehicle sends `Version`, `X-Network-Interface` and `X-TXID`. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly handshakeTimeoutMs?: number;
  /** Ends an attempt that is not answered yet. */
  readonly signal?: AbortSignal;
}

/** The connection was not opened: TLS failed, no server, or the upgrade was refused with `statusCode`. */
export class VehicleConnectError extends Error {
  readonly statusCode: number | undefined;

  constructor(message: string, facts: { statusCode?: number; cause?: unknown }) {
    super(message, { cause: facts.cause });
    this.name = 'VehicleConnectError';
    this.statusCode = facts.statusCode;
  }
}

/** Resolves when the WebSocket is open. Rejects with VehicleConnectError. */
export function connectVehicle(options: VehicleConnectionOptions): Promise<VehicleConnection> {
  const socket = new WebSocket(options.url, {
    cert: options.certificatePem,
    key: options.keyPem,
    ca: options.caPem,
    ...(options.servername === undefined ? {} : { servername: options.servername }),
    ...(options.lookup === undefined ? {} : { lookup: lookupBy(options.lookup) }),
    headers: { ...options.headers },
    handshakeTimeout: options.handshakeTimeoutMs ?? 15_000,
    perMessageDeflate: false,
  });
  options.signal?.addEventListener('abort', () => socket.terminate(), { once: true });
  return new Promise((resolve, reject) => {
    const connection = new VehicleConnection(socket);
    socket.once('open', () => resolve(connection));
    socket.once('unexpected-response', (request, response) => {
      request.destroy();
      const statusCode = response.statusCode ?? 0;
      reject(new VehicleConnectError(`the upgrade was refused with ${statusCode}`, { statusCode }));
    });
    // After 'open' an error is followed by 'close', and the rejection has no effect.
    socket.on('error', (cause) => reject(new VehicleConnectError(`no connection: ${cause.message}`, { cause })));
  });
}

function lookupBy(resolve: (hostname: string) => string | Promise<string>): LookupFunction {
  return (hostname, { all }, callback) => {
    Promise.resolve(hostname)
      .then(resolve)
      .then(
        (address) =>
          all ? callback(null, [{ address, family: isIP(address) }]) : callback(null, address, isIP(address)),
        (error: Error) => callback(error, ''),
      );
  };
}

export class VehicleConnection {
  readonly #socket: WebSocket;
  readonly #ackListeners: ((txid: string, topic: string) => void)[] = [];
  readonly #errorAnswerListeners: ((txid: string) => void)[] = [];
  readonly #messageListeners: ((bytes: Buffer) => void)[] = [];
  readonly #closeListeners: ((code: number) => void)[] = [];
  #closeCode: number | undefined;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data) => this.#received(data as Buffer));
    socket.on('close', (code) => {
      this.#closeCode = code;
      for (const listener of this.#closeListeners) listener(code);
    });
  }

  get isOpen(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  /** Bytes that are not yet written to the socket. */
  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  send(record: RecordEnvelope): void {
    this.sendBytes(writeRecordEnvelope(record));
  }

  /** Sends a binary message, valid or not. */
  sendBytes(bytes: Uint8Array): void {
    this.#socket.send(bytes);
  }

  /** Sends a text frame, which no vehicle does. */
  sendText(text: string): void {
    this.#socket.send(text);
  }

  onAck(listener: (txid: string, topic: string) => void): void {
    this.#ackListeners.push(listener);
  }

  /** The txid is empty when the server could not read it. */
  onErrorAnswer(listener: (txid: string) => void): void {
    this.#errorAnswerListeners.push(listener);
  }

  /** Called with the bytes of every message, before it is parsed. */
  onMessage(listener: (bytes: Buffer) => void): void {
    this.#messageListeners.push(listener);
  }

  /** 1006: ended without a close frame. Also called when the connection is already closed. */
  onClose(listener: (code: number) => void): void {
    this.#closeListeners.push(listener);
    if (this.#closeCode !== undefined) listener(this.#closeCode);
  }

  close(code = 1000): void {
    this.#socket.close(code);
  }

  /** Ends TCP without a close frame, as a car in a tunnel does. */
  terminate(): void {
    this.#socket.terminate();
  }

  /** Stops reading; the server has to buffer its answers. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  #received(bytes: Buffer): void {
    for (const listener of this.#messageListeners) listener(bytes);
    const envelope = readEnvelope(bytes);
    if (envelope instanceof EnvelopeError) return;
    const txid = envelope.txid.toString('latin1');
    if (envelope.messageType === STREAM_ACK) {
      for (const listener of this.#ackListeners) listener(txid, envelope.topic);
    } else {
      for (const listener of this.#errorAnswerListeners) listener(txid);
    }
  }
}
