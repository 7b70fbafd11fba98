// One connection of the load generator: a fixed number of slots, each with at most one record in flight.
import { randomBytes } from 'node:crypto';
import { STREAM_ACK, writeRecordEnvelope } from '@fleetbridge/protocol';
import { WebSocket } from 'ws';
import { recordLatency } from './latency.mjs';

// A record's txid has the length of a UUID: 24 characters that identify the connection, then eight hex digits of the
// record's number and four of its slot. The slot finds the record when an ack arrives; the number verifies that the ack
// belongs to it.
const TXID_BYTES = 36;
const NUMBER_AT = 24;
const SLOT_AT = 32;

/** Resolves when the WebSocket is open. */
export function openLoadConnection(options, identity, run) {
  const socket = new WebSocket(options.url, {
    cert: identity.certificatePem,
    key: identity.keyPem,
    ca: options.caPem,
    ...(options.servername === undefined ? {} : { servername: options.servername }),
    headers: { Version: '2026.20.6', 'X-Network-Interface': 'wifi' },
    perMessageDeflate: false,
    // A mask of zeros spares the client the masking; the server unmasks as usual.
    generateMask: (mask) => mask.fill(0),
  });
  return new Promise((resolve, reject) => {
    let transport;
    socket.once('upgrade', (response) => {
      transport = response.socket;
    });
    socket.once('open', () => resolve(new LoadConnection(socket, transport, options, identity.vin, run)));
    socket.on('error', reject);
  });
}

/**
 * Each slot has its own envelope, which is changed only after its ack: with a mask of zeros the socket writes these very
 * bytes, possibly later.
 */
class LoadConnection {
  #socket;
  #transport;
  #run;
  #envelopes;
  #txidAt;
  #sentMs;
  /** The record number in flight per slot; 0 = free. */
  #numbers;
  #batchWrites;
  #lastNumber = 0;
  #isCorked = false;
  #isEnding = false;
  isLost = false;

  constructor(socket, transport, options, vin, run) {
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
    socket.on('message', (data) => this.#onAnswer(data));
    socket.on('close', () => this.#onClose());
  }

  fill() {
    for (let slot = 0; slot < this.#envelopes.length; slot++) this.#send(slot);
  }

  end() {
    this.#isEnding = true;
    this.#socket.terminate();
  }

  #send(slot) {
    const run = this.#run;
    if (run.remaining <= 0 || this.isLost) return;
    run.remaining--;
    run.sent++;
    const number = ++this.#lastNumber;
    const envelope = this.#envelopes[slot];
    writeHex(envelope, this.#txidAt + NUMBER_AT, number, 8);
    this.#numbers[slot] = number;
    this.#sentMs[slot] = performance.now();
    this.#cork();
    this.#socket.send(envelope);
  }

  #onAnswer(message) {
    const run = this.#run;
    const txidAt = txidOffset(message);
    const slot = txidAt < 0 ? -1 : readHex(message, txidAt + SLOT_AT, 4);
    const number = txidAt < 0 ? 0 : readHex(message, txidAt + NUMBER_AT, 8);
    if (number === 0 || this.#numbers[slot] !== number) {
      run.unknownAnswers++;
      return;
    }
    this.#numbers[slot] = 0;
    run.lastAnswerMs = performance.now();
    if (messageType(message) === STREAM_ACK) {
      run.acknowledged++;
      recordLatency(run.latencies, run.lastAnswerMs - this.#sentMs[slot]);
    } else {
      run.errorAnswers++;
    }
    if (run.remaining > 0) this.#send(slot);
    else run.changed();
  }

  /** Everything that is sent until the end of this turn becomes one write. */
  #cork() {
    if (this.#isCorked || !this.#batchWrites) return;
    this.#isCorked = true;
    this.#transport.cork();
    setImmediate(() => {
      this.#isCorked = false;
      this.#transport.uncork();
    });
  }

  #onClose() {
    this.isLost = true;
    if (this.#isEnding) return;
    this.#run.connectionsLost++;
    this.#run.unanswered += this.#numbers.filter((number) => number !== 0).length;
    this.#run.changed();
  }
}

/**
 * Offset of an answer's txid, or -1 when it can't be one of this connection's. Works for the layout of any server: root,
 * vtable, field, vector. Bounds are not checked; an invalid offset throws a RangeError, which ends the bench.
 */
function txidOffset(message) {
  const root = message.readUInt32LE(0);
  const vtable = root - message.readInt32LE(root);
  const fieldOffset = message.readUInt16LE(vtable + 4);
  if (fieldOffset === 0) return -1;
  const field = root + fieldOffset;
  const vector = field + message.readUInt32LE(field);
  return message.readUInt32LE(vector) === TXID_BYTES ? vector + 4 : -1;
}

function messageType(message) {
  const root = message.readUInt32LE(0);
  const vtable = root - message.readInt32LE(root);
  const fieldOffset = message.readUInt16LE(vtable + 8);
  return fieldOffset === 0 ? 0 : message[root + fieldOffset];
}

function writeHex(buffer, at, value, digits) {
  let rest = value;
  for (let index = digits - 1; index >= 0; index--) {
    const digit = rest & 15;
    buffer[at + index] = digit < 10 ? 48 + digit : 87 + digit;
    rest >>>= 4;
  }
}

function readHex(buffer, at, digits) {
  let value = 0;
  for (let index = 0; index < digits; index++) {
    const byte = buffer[at + index];
    value = value * 16 + (byte < 58 ? byte - 48 : byte - 87);
  }
  return value;
}
