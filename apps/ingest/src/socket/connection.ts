// One vehicle's socket. An ack lets the vehicle forget a record, so it is sent when the log has it and not before.
// A vehicle sends a record again only after a reconnect: what was read here and has no outcome yet is ours to bring
// home. So the socket is paused when too much of it is under way, and nothing that was read is dropped.
import type { Duplex } from 'node:stream';
import type { TokenBucket } from '@fleetbridge/access';
import { buildAck } from '@fleetbridge/protocol';
import type { AppendOutcome, AppendReceipt } from '@fleetbridge/store';
import type { WebSocket } from 'ws';
import { type Counts, countOne, type TopicCount, topicCount } from '../counts.js';
import { AckQueue } from './ack-queue.js';
import { FrameSplitter } from './frame-splitter.js';
import { type Decision, receive, type Sender } from './receive.js';

/** Records and bytes of one socket that may be under way to the log at a time. */
export const WINDOW_RECORDS = 256;
export const WINDOW_BYTES = 4_000_000;
/** What a vehicle may leave unread of our answers. */
const UNREAD_ANSWER_BYTES = 1_000_000;
/** Vehicles send again what was not acknowledged as soon as they are back; later ones say so themselves (is_resend). */
const REPEATS_LIKELY_MS = 10_000;
const REPEATS_POSSIBLE_MS = 120_000;
/** Then it is looked again; the clock may have been set. */
const LONGEST_TOKEN_WAIT_MS = 60_000;

export interface ConnectionFacts {
  connectionId: string;
  /** What the vehicle calls this connection (X-TXID), if it says. */
  vehicleTxid: string;
  networkInterface: string;
  address: string;
  connectedMs: number;
}

/** What a connection needs of the process around it. */
export interface ConnectionHost {
  readonly counts: Counts;
  now(): number;
  /** The decision is good for the length of this call. */
  append(decision: Extract<Decision, { kind: 'append' }>, receipt: AppendReceipt): void;
  quarantine(connection: VehicleConnection, reason: string, bytes: Buffer): void;
  /** Told of a refused record, for the log. */
  refused(connection: VehicleConnection, decision: Extract<Decision, { kind: 'answer' }>): void;
  closed(connection: VehicleConnection, code: number): void;
  /** Whether records of this topic are acknowledged before they are stored. */
  acksOnReceive(topic: string): boolean;
  /** How much the vehicle may send; undefined = as much as it likes. */
  bucketOf(vin: string): TokenBucket | undefined;
  /** Whether the process as a whole has taken all that it may hold. */
  isFull(): boolean;
  /** Whether what is read now may be stored already, by another process. */
  isLate(nowMs: number): boolean;
  paused(connection: VehicleConnection): void;
  resumed(connection: VehicleConnection): void;
}

export interface ConnectionParts {
  webSocket: WebSocket;
  /** What the WebSocket lies on. */
  socket: Duplex;
  sender: Sender;
  facts: ConnectionFacts;
  host: ConnectionHost;
}

export class VehicleConnection implements AppendReceipt {
  readonly sender: Sender;
  readonly facts: ConnectionFacts;
  readonly #host: ConnectionHost;
  readonly #webSocket: WebSocket;
  readonly #socket: Duplex;
  /** Made with the first record: most connections are idle most of the time. */
  #acks: AckQueue | undefined;
  #isFlushPlanned = false;
  #isPaused = false;
  #isReading = true;
  /** Of the last record; the next one is nearly always of the same. */
  #topic = '';
  #topicCount: TopicCount = { records: 0, bytes: 0 };
  readonly #bucket: TokenBucket | undefined;
  /** Set while the vehicle is over its rate limit. */
  #tokenTimer: NodeJS.Timeout | undefined;
  /** When bytes of the vehicle came last; for the idle check. */
  lastHeardMs: number;
  /** When we asked whether the vehicle is still there; 0 = not since it was last heard. */
  pingedMs = 0;
  /** Records and bytes received, for the log line at the end. */
  records = 0;
  bytes = 0;

  constructor({ webSocket, socket, sender, facts, host }: ConnectionParts) {
    this.#webSocket = webSocket;
    this.#socket = socket;
    this.sender = sender;
    this.facts = facts;
    this.#host = host;
    this.lastHeardMs = facts.connectedMs;
    this.#bucket = host.bucketOf(sender.vin);
    webSocket.on('message', (data, isBinary) => {
      if (isBinary) this.#onMessage(data as Buffer, 0, (data as Buffer).length, this.#heard());
      else if (this.#isReading) this.terminate('text_frame');
    });
    const splitter = this.#splitFrames(socket);
    webSocket.on('pong', () => this.#heard());
    webSocket.on('ping', () => this.#heard());
    // A frame against WebSocket's rules, or over its limit: 'close' follows.
    webSocket.on('error', () => {
      splitter.stop();
      countOne(host.counts.ended, 'bad_frame');
    });
    webSocket.on('close', (code) => {
      clearTimeout(this.#tokenTimer);
      host.closed(this, code);
    });
  }

  get vin(): string {
    return this.sender.vin;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Not for long any more, when it doesn't. */
  get isReading(): boolean {
    return this.#isReading;
  }

  get isPinged(): boolean {
    return this.pingedMs !== 0;
  }

  ping(nowMs: number): void {
    this.pingedMs = nowMs;
    this.#webSocket.ping();
  }

  /** For good: what is read already comes to its end, nothing new is taken. */
  stopReading(): void {
    this.#isReading = false;
    this.#webSocket.pause();
  }

  /** Says goodbye; the vehicle's own close frame can only be read by a socket that reads. */
  close(code: number, reason: string): void {
    this.#webSocket.resume();
    this.#webSocket.close(code, reason);
  }

  /** At once; what is left of the bytes that came together is not looked at. */
  terminate(reason: string): void {
    this.#isReading = false;
    countOne(this.#host.counts.ended, reason);
    this.#webSocket.terminate();
  }

  /** Reads on, if it was paused and there is room for more. */
  resumeIfPossible(): void {
    if (!this.#isPaused || !this.#isReading || this.#isWindowFull() || this.#host.isFull()) return;
    if (this.#tokenTimer !== undefined) return;
    this.#isPaused = false;
    this.#host.resumed(this);
    // silence while nobody listened says nothing about the vehicle
    this.#heard();
    this.#webSocket.resume();
  }

  /** Called once for each record that went to the log, in the order of the records. */
  settled(outcome: AppendOutcome): void {
    const { counts } = this.#host;
    if (outcome === 'stored') counts.stored++;
    else if (outcome === 'repeat') counts.repeats++;
    else counts.failed++;
    // a record that Redis refused is not acknowledged: the vehicle keeps it, and sends it again when it reconnects
    const isAcknowledged = outcome !== 'failed';
    const hadAck = this.#acks!.settle(isAcknowledged);
    if (!hadAck && !isAcknowledged) counts.lost++;
    if (isAcknowledged && hadAck) {
      counts.acknowledged++;
      // The acks of one turn are one write: encrypted once, one call of the system.
      if (!this.#isFlushPlanned) {
        this.#isFlushPlanned = true;
        process.nextTick(flushAcks, this);
      }
    }
    this.resumeIfPossible();
  }

  /** The frames are whole, and ws writes its own in one piece each: the two can't mix. */
  flushAcks(): void {
    this.#isFlushPlanned = false;
    const frames = this.#acks?.take();
    if (frames === undefined || this.#webSocket.readyState !== this.#webSocket.OPEN) return;
    this.#socket.write(frames);
    if (this.#webSocket.bufferedAmount > UNREAD_ANSWER_BYTES) this.terminate('answers_unread');
  }

  /** Whole binary messages come straight from the socket; the ws library gets what is left. */
  #splitFrames(socket: Duplex): FrameSplitter {
    const forWs = socket.listeners('data');
    let receivedMs = 0;
    socket.removeAllListeners('data');
    const splitter = new FrameSplitter({
      message: (bytes, start, end) => {
        const isOpen = this.#webSocket.readyState === this.#webSocket.OPEN;
        if (this.#isReading && isOpen) this.#onMessage(bytes, start, end, receivedMs);
        // behind what is not taken any more may come the close frame that ws waits for
        return !socket.destroyed;
      },
      other: (bytes) => {
        for (const listener of forWs) listener.call(socket, bytes);
      },
    });
    socket.on('data', (chunk: Buffer) => {
      receivedMs = this.#heard();
      splitter.push(chunk);
    });
    return splitter;
  }

  #onMessage(bytes: Buffer, start: number, end: number, receivedMs: number): void {
    // after stopReading only what had been received already comes; it is the vehicle's to send again
    if (!this.#isReading) return;
    this.records++;
    this.bytes += end - start;
    if (this.#bucket !== undefined) this.#takeToken(this.#bucket, receivedMs);
    const repeats = this.#host.isLate(receivedMs) ? 'likely' : repeatsAt(receivedMs - this.facts.connectedMs);
    const decision = receive(bytes, this.sender, { receivedMs, repeats, start, end });
    if (decision.kind === 'append') this.#append(decision, end - start);
    else this.#refuse(decision, bytes.subarray(start, end));
  }

  #append(decision: Extract<Decision, { kind: 'append' }>, messageBytes: number): void {
    const { counts } = this.#host;
    const { record, envelope } = decision;
    if (record.topic !== this.#topic) {
      this.#topic = record.topic;
      this.#topicCount = topicCount(counts, record.topic);
    }
    this.#topicCount.records++;
    this.#topicCount.bytes += envelope.payloadEnd - envelope.payloadStart;
    if (decision.isClockAhead) counts.clockAhead++;
    this.#acks ??= new AckQueue();
    const { bytes, txidStart, txidEnd, topicStart, topicEnd } = envelope;
    if (this.#host.acksOnReceive(record.topic)) {
      this.#acks.addWithoutAck(messageBytes);
      counts.acknowledged++;
      this.#answer(buildAck(bytes, txidStart, txidEnd, topicStart, topicEnd));
    } else {
      this.#acks.add(messageBytes, bytes, txidStart, txidEnd, topicStart, topicEnd);
    }
    this.#host.append(decision, this);
    if (this.#isWindowFull() || this.#host.isFull()) this.#pause();
  }

  #pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#webSocket.pause();
    this.#host.paused(this);
  }

  /** One message more: over the limit the vehicle waits, and so does what it has sent and we have not read. */
  #takeToken(bucket: TokenBucket, nowMs: number): void {
    bucket.take(nowMs);
    if (this.#tokenTimer !== undefined || bucket.waitMs(nowMs) === 0) return;
    this.#host.counts.rateLimited++;
    this.#pause();
    this.#awaitToken(bucket, nowMs);
  }

  #awaitToken(bucket: TokenBucket, nowMs: number): void {
    const look = () => {
      this.#tokenTimer = undefined;
      // what had been read with the last message took tokens too
      const laterMs = this.#host.now();
      if (bucket.waitMs(laterMs) > 0) this.#awaitToken(bucket, laterMs);
      else this.resumeIfPossible();
    };
    this.#tokenTimer = setTimeout(look, Math.min(bucket.waitMs(nowMs), LONGEST_TOKEN_WAIT_MS)).unref();
  }

  #refuse(decision: Extract<Decision, { kind: 'answer' }>, bytes: Buffer): void {
    countOne(this.#host.counts.refused, decision.reason);
    this.#host.refused(this, decision);
    if (decision.isKept) this.#host.quarantine(this, decision.reason, bytes);
    this.#answer(decision.answer);
  }

  #answer(answer: Buffer): void {
    if (this.#webSocket.readyState !== this.#webSocket.OPEN) return;
    this.#webSocket.send(answer, BINARY);
    if (this.#webSocket.bufferedAmount > UNREAD_ANSWER_BYTES) this.terminate('answers_unread');
  }

  #isWindowFull(): boolean {
    const acks = this.#acks;
    return acks !== undefined && (acks.unsettledRecords >= WINDOW_RECORDS || acks.unsettledBytes >= WINDOW_BYTES);
  }

  #heard(): number {
    this.lastHeardMs = this.#host.now();
    this.pingedMs = 0;
    return this.lastHeardMs;
  }
}

function repeatsAt(connectedForMs: number): 'likely' | 'possible' | 'none' {
  if (connectedForMs < REPEATS_LIKELY_MS) return 'likely';
  return connectedForMs < REPEATS_POSSIBLE_MS ? 'possible' : 'none';
}

const BINARY = { binary: true, compress: false };

function flushAcks(connection: VehicleConnection): void {
  connection.flushAcks();
}
