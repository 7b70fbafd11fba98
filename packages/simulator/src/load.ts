// Many vehicles for a bench or a soak, cheap at our side so that the server is what is measured: ready-made envelopes of
// which only the txid changes, acks read by four offsets, and one write a connection for all it sends in a turn.

import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { STREAM_ACK, writeRecordEnvelope } from '@fleetbridge/protocol';
import { WebSocket } from 'ws';
import { LatencyHistogram } from './latency-histogram.js';

export interface LoadIdentity {
  readonly certificatePem: string;
  readonly keyPem: string;
  readonly vin: string;
}

export interface LoadOptions {
  readonly url: string;
  readonly caPem: string;
  readonly servername?: string;
  /** One connection each. */
  readonly identities: readonly LoadIdentity[];
  /** Unacknowledged records a connection. */
  readonly inFlight: number;
  /** How many records in all; or how long. At least one of the two; the first that is reached ends the run. */
  readonly records?: number;
  readonly durationMs?: number;
  /** The same in every record. */
  readonly payload: Uint8Array;
  readonly topic?: string;
  /** The run ends when no answer came for so long. Default 10 s. */
  readonly stallMs?: number;
  /** A connection's records of one turn in one write (default), or each in its own, which costs both sides more. */
  readonly batchWrites?: boolean;
  /** Handshakes at a time. Default 32. */
  readonly connecting?: number;
}

export interface LoadResult {
  readonly sent: number;
  readonly acknowledged: number;
  readonly errorAnswers: number;
  /** Answers to nothing that was in flight: a repeat, or not ours. */
  readonly unknownAnswers: number;
  /** Connections that the server ended before the run was over. */
  readonly connectionsLost: number;
  /** From the first send to the last answer. */
  readonly seconds: number;
  readonly perSecond: number;
  /** From send to ack. */
  readonly latencyMs: { readonly p50: number; readonly p90: number; readonly p99: number; readonly max: number };
  readonly latencies: LatencyHistogram;
}

/** The longest that a timer can run, 24 days. */
const LONGEST_MS = 2 ** 31 - 1;

/** Rejects when a connection can't be opened; RangeError without a limit. */
export async function runLoad(options: LoadOptions): Promise<LoadResult> {
  if (options.records === undefined && options.durationMs === undefined) {
    throw new RangeError('a load needs records or durationMs');
  }
  const run: LoadRun = {
    remaining: options.records ?? Number.POSITIVE_INFINITY,
    sent: 0,
    acknowledged: 0,
    errorAnswers: 0,
    unknownAnswers: 0,
    unanswered: 0,
    connectionsLost: 0,
    lastAnswerMs: 0,
    latencies: new LatencyHistogram(),
    changed: () => {},
  };
  const connections = await openAll(options, run);
  const startedMs = performance.now();
  run.lastAnswerMs = startedMs;
  await new Promise<void>((resolve) => {
    run.changed = () => {
      const isAnswered = run.acknowledged + run.errorAnswers + run.unanswered >= run.sent;
      if ((run.remaining === 0 && isAnswered) || connections.every(({ isLost }) => isLost)) over();
    };
    const stallMs = options.stallMs ?? 10_000;
    const stallWatch = setInterval(() => {
      if (performance.now() - run.lastAnswerMs > stallMs) over();
    }, stallMs / 4);
    const timeLimit = setTimeout(() => {
      run.remaining = 0;
      run.changed();
    }, options.durationMs ?? LONGEST_MS);
    const over = () => {
      clearInterval(stallWatch);
      clearTimeout(timeLimit);
      resolve();
    };
    for (const connection of connections) connection.fill();
    run.changed();
  });
  run.changed = () => {};
  for (const connection of connections) connection.end();

  const seconds = Math.max(1e-6, (run.lastAnswerMs - startedMs) / 1000);
  const { latencies } = run;
  return {
    sent: run.sent,
    acknowledged: run.acknowledged,
    errorAnswers: run.errorAnswers,
    unknownAnswers: run.unknownAnswers,
    connectionsLost: run.connectionsLost,
    seconds,
    perSecond: run.acknowledged / seconds,
    latencyMs: {
      p50: latencies.quantileMs(0.5),
      p90: latencies.quantileMs(0.9),
      p99: latencies.quantileMs(0.99),
      max: latencies.maxMs,
    },
    latencies,
  };
}

interface LoadRun {
  remaining: number;
  sent: number;
  acknowledged: number;
  errorAnswers: number;
  unknownAnswers: number;
  /** Were in flight on connections that are lost. */
  unanswered: number;
  connectionsLost: number;
  lastAnswerMs: number;
  readonly latencies: LatencyHistogram;
  changed: () => void;
}

async function openAll(options: LoadOptions, run: LoadRun): Promise<LoadConnection[]> {
  const connections: LoadConnection[] = [];
  const waiting = [...options.identities];
  const openNext = async (): Promise<void> => {
    for (let identity = waiting.shift(); identity !== undefined; identity = waiting.shift()) {
      connections.push(await openLoadConnection(options, identity, run));
    }
  };
  try {
    await Promise.all(Array.from({ length: options.connecting ?? 32 }, openNext));
  } catch (error) {
    waiting.length = 0;
    for (const connection of connections) connection.end();
    throw error;
  }
  return connections;
}

function openLoadConnection(options: LoadOptions, identity: LoadIdentity, run: LoadRun): Promise<LoadConnection> {
  const socket = new WebSocket(options.url, {
    cert: identity.certificatePem,
    key: identity.keyPem,
    ca: options.caPem,
    ...(options.servername === undefined ? {} : { servername: options.servername }),
    headers: { Version: '2026.20.6', 'X-Network-Interface': 'wifi' },
    perMessageDeflate: false,
    // A mask of zeros spares us the masking; the server unmasks as ever.
    generateMask: (mask) => mask.fill(0),
  });
  return new Promise((resolve, reject) => {
    let transport: Socket | undefined;
    socket.once('upgrade', (response) => {
      transport = response.socket;
    });
    socket.once('open', () => resolve(new LoadConnection(socket, transport!, options, identity.vin, run)));
    socket.on('error', reject);
  });
}

// A record's txid is text like a UUID: twelve bytes of the connection, then eight hex digits of the record's number and
// four of its slot. The slot finds the record when its ack comes; the number tells whether it is this record's.
const TXID_BYTES = 36;
const NUMBER_AT = 24;
const SLOT_AT = 32;

/**
 * One connection with a slot a record in flight. Each slot has an envelope of its own, which is changed only after its
 * ack: with a mask of zeros the socket writes these very bytes, maybe later.
 */
class LoadConnection {
  readonly #socket: WebSocket;
  readonly #transport: Socket;
  readonly #run: LoadRun;
  readonly #envelopes: Buffer[];
  readonly #txidAt: number;
  readonly #sentMs: Float64Array;
  /** The number in flight in each slot; 0 = free. */
  readonly #numbers: Uint32Array;
  readonly #batchWrites: boolean;
  #lastNumber = 0;
  #isCorked = false;
  #isEnding = false;
  isLost = false;

  constructor(socket: WebSocket, transport: Socket, options: LoadOptions, vin: string, run: LoadRun) {
    this.#socket = socket;
    this.#transport = transport;
    this.#run = run;
    this.#batchWrites = options.batchWrites ?? true;
    const txid = `${randomBytes(10).toString('hex')}0000`.padEnd(TXID_BYTES, '0');
    const template = writeRecordEnvelope({
      txid,
      topic: options.topic ?? 'V',
      payload: options.payload,
      senderId: `vehicle_device.${vin}`,
      deviceType: 'vehicle_device',
      deviceId: vin,
      createdAtSeconds: Math.floor(Date.now() / 1000),
    });
    this.#txidAt = template.indexOf(txid, 0, 'latin1');
    this.#envelopes = Array.from({ length: options.inFlight }, (_, slot) => {
      const envelope = Buffer.from(template);
      writeHex(envelope, this.#txidAt + SLOT_AT, slot, 4);
      return envelope;
    });
    this.#sentMs = new Float64Array(options.inFlight);
    this.#numbers = new Uint32Array(options.inFlight);
    socket.on('message', (data) => this.#answered(data as Buffer));
    socket.on('close', () => this.#closed());
  }

  fill(): void {
    for (let slot = 0; slot < this.#envelopes.length; slot++) this.#send(slot);
  }

  end(): void {
    this.#isEnding = true;
    this.#socket.terminate();
  }

  #send(slot: number): void {
    const run = this.#run;
    if (run.remaining <= 0 || this.isLost) return;
    run.remaining--;
    run.sent++;
    const number = ++this.#lastNumber;
    const envelope = this.#envelopes[slot]!;
    writeHex(envelope, this.#txidAt + NUMBER_AT, number, 8);
    this.#numbers[slot] = number;
    this.#sentMs[slot] = performance.now();
    this.#cork();
    this.#socket.send(envelope);
  }

  #answered(message: Buffer): void {
    const run = this.#run;
    const txidAt = txidOf(message);
    const slot = txidAt < 0 ? -1 : readHex(message, txidAt + SLOT_AT, 4);
    const number = txidAt < 0 ? 0 : readHex(message, txidAt + NUMBER_AT, 8);
    if (number === 0 || this.#numbers[slot] !== number) {
      run.unknownAnswers++;
      return;
    }
    this.#numbers[slot] = 0;
    run.lastAnswerMs = performance.now();
    if (messageTypeOf(message) === STREAM_ACK) {
      run.acknowledged++;
      run.latencies.add(run.lastAnswerMs - this.#sentMs[slot]!);
    } else {
      run.errorAnswers++;
    }
    if (run.remaining > 0) this.#send(slot);
    else run.changed();
  }

  /** All that is sent until the end of this turn becomes one write. */
  #cork(): void {
    if (this.#isCorked || !this.#batchWrites) return;
    this.#isCorked = true;
    this.#transport.cork();
    setImmediate(() => {
      this.#isCorked = false;
      this.#transport.uncork();
    });
  }

  #closed(): void {
    this.isLost = true;
    if (this.#isEnding) return;
    this.#run.connectionsLost++;
    this.#run.unanswered += this.#numbers.filter((number) => number !== 0).length;
    this.#run.changed();
  }
}

/**
 * Position of an answer's txid, -1 when it can't be one of ours. Any server's layout: root, vtable, field, vector.
 * Bounds are the server's to keep; here a lie gives a RangeError, which ends the bench.
 */
function txidOf(message: Buffer): number {
  const root = message.readUInt32LE(0);
  const vtable = root - message.readInt32LE(root);
  const fieldOffset = message.readUInt16LE(vtable + 4);
  if (fieldOffset === 0) return -1;
  const field = root + fieldOffset;
  const vector = field + message.readUInt32LE(field);
  return message.readUInt32LE(vector) === TXID_BYTES ? vector + 4 : -1;
}

function messageTypeOf(message: Buffer): number {
  const root = message.readUInt32LE(0);
  const vtable = root - message.readInt32LE(root);
  const fieldOffset = message.readUInt16LE(vtable + 8);
  return fieldOffset === 0 ? 0 : message[root + fieldOffset]!;
}

function writeHex(buffer: Buffer, at: number, value: number, digits: number): void {
  let rest = value;
  for (let index = digits - 1; index >= 0; index--) {
    const digit = rest & 15;
    buffer[at + index] = digit < 10 ? 48 + digit : 87 + digit;
    rest >>>= 4;
  }
}

function readHex(buffer: Buffer, at: number, digits: number): number {
  let value = 0;
  for (let index = 0; index < digits; index++) {
    const byte = buffer[at + index]!;
    value = value * 16 + (byte < 58 ? byte - 48 : byte - 87);
  }
  return value;
}
