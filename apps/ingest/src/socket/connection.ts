// The socket of one vehicle. An ack lets the vehicle delete a record, so it is sent after the log has stored the record.
// A vehicle resends only after a reconnect: a record that was read and not stored yet must not be dropped. So the socket
// is paused when too many records wait for the log.
import type { Duplex } from 'node:stream';
import type { TokenBucket } from '@fleetbridge/access';
import { buildAck } from '@fleetbridge/protocol';
import type { Logger } from '@fleetbridge/service';
import type { Appender, AppendOutcome, AppendReceipt } from '@fleetbridge/store';
import type { WebSocket } from 'ws';
import { type Counts, countOne, type TopicCount, topicCount } from '../counts.js';
import { AckQueue } from './ack-queue.js';
import type { ByteBudget } from './byte-budget.js';
import { FrameSplitter } from './frame-splitter.js';
import type { MessageQuarantine } from './message-quarantine.js';
import { type Decision, receive, type Sender } from './receive.js';
import type { RecordInspection } from './record-inspection.js';
import type { StallDetector } from './stall-detector.js';
import type { TopicRules } from './topic-rules.js';
import type { VehicleBuckets } from './vehicle-buckets.js';

/** Bytes of the whole process that may wait for the log. */
export const MAX_UNSETTLED_BYTES = 64_000_000;
/** Records and bytes of one socket that may wait for the log. */
const WINDOW_RECORDS = 256;
const WINDOW_BYTES = 4_000_000;
/** Bytes of our answers that a vehicle may leave unread. */
const UNREAD_ANSWER_BYTES = 1_000_000;
/** A vehicle resends unacknowledged records right after it has connected; later repeats carry `is_resend`. */
const REPEATS_LIKELY_MS = 10_000;
const REPEATS_POSSIBLE_MS = 120_000;
/** Bytes are charged to the budget in steps, not per record. */
const BYTES_PER_CHARGE = 65_536;
/** The buckets are checked again after this time: their wait may be longer than a timer can be. */
const MAX_TOKEN_WAIT_MS = 60_000;

export interface ConnectionFacts {
  connectionId: string;
  /** The vehicle's own id of this connection (X-TXID); empty without that header. */
  vehicleTxid: string;
  networkInterface: string;
  address: string;
  /** By the monotonic clock. */
  connectedMs: number;
}

/** What a connection reports while it lives. */
export interface ConnectionEvents {
  paused(connection: VehicleConnection): void;
  resumed(connection: VehicleConnection): void;
  closed(connection: VehicleConnection, code: number): void;
}

/** Shared by all connections of the process: one object, so a connection holds one reference. */
export interface ConnectionServices {
  appender: Pick<Appender, 'append' | 'unsettledBytes'>;
  /** Usually MAX_UNSETTLED_BYTES; past it every socket that sends is paused. */
  maxUnsettledBytes: number;
  /** Sees each record that goes to the log. */
  inspect: RecordInspection | undefined;
  quarantine: Pick<MessageQuarantine, 'add'>;
  rules: TopicRules;
  /** Undefined: vehicles may send without a limit. */
  rateLimits: Pick<VehicleBuckets, 'bucketOf'> | undefined;
  byteBudget: Pick<ByteBudget, 'bucketOf' | 'paused'> | undefined;
  stalls: Pick<StallDetector, 'isLate' | 'tickMs'>;
  events: ConnectionEvents;
  counts: Counts;
  log: Pick<Logger, 'debug'>;
  now: () => number;
  /** Milliseconds of a clock that can't be set. */
  monotonicNow: () => number;
}

export interface ConnectionParts {
  webSocket: WebSocket;
  /** The TLS socket below the WebSocket. */
  socket: Duplex;
  sender: Sender;
  facts: ConnectionFacts;
  services: ConnectionServices;
}

export class VehicleConnection implements AppendReceipt {
  readonly sender: Sender;
  readonly facts: ConnectionFacts;
  readonly #services: ConnectionServices;
  readonly #webSocket: WebSocket;
  readonly #socket: Duplex;
  /** Created with the first record: most connections are idle most of the time. */
  #acks: AckQueue | undefined;
  #isFlushPlanned = false;
  #isPaused = false;
  #isReading = true;
  /** Of the last record; the next one nearly always has the same topic. */
  #topic = '';
  #topicCount: TopicCount = { records: 0, bytes: 0 };
  readonly #bucket: TokenBucket | undefined;
  readonly #byteBucket: TokenBucket | undefined;
  #chargedBytes = 0;
  /** When `bytes` exceeds it, they are charged to the byte budget. */
  #bytesToCharge = Number.POSITIVE_INFINITY;
  /** Set while the vehicle is over its rate limit or its byte budget. */
  #tokenTimer: NodeJS.Timeout | undefined;
  /** The tick of the monotonic clock before the last bytes of the vehicle came; for the idle check. */
  lastReceivedMs: number;
  /** When the ping was sent that has no answer yet; 0: no ping is open. */
  pingedMs = 0;
  /** Messages and bytes received, for the log line at the end. */
  records = 0;
  bytes = 0;

  constructor({ webSocket, socket, sender, facts, services }: ConnectionParts) {
    this.#webSocket = webSocket;
    this.#socket = socket;
    this.sender = sender;
    this.facts = facts;
    this.#services = services;
    this.lastReceivedMs = facts.connectedMs;
    this.#bucket = services.rateLimits?.bucketOf(sender.vin);
    this.#byteBucket = services.byteBudget?.bucketOf(sender.vin);
    if (this.#byteBucket !== undefined) this.#bytesToCharge = 0;
    webSocket.on('message', (data, isBinary) => {
      if (isBinary) this.#onMessage(data as Buffer, 0, (data as Buffer).length, this.#markReceived());
      else if (this.#isReading) this.terminate('text_frame');
    });
    const splitter = this.#splitFrames(socket);
    webSocket.on('pong', () => this.#markReceived());
    webSocket.on('ping', () => this.#markReceived());
    // The frame breaks a rule of WebSocket or exceeds the size limit; 'close' follows.
    webSocket.on('error', () => {
      splitter.stop();
      countOne(services.counts.ended, 'bad_frame');
    });
    webSocket.on('close', (code) => {
      clearTimeout(this.#tokenTimer);
      this.#takeBytes();
      services.events.closed(this, code);
    });
  }

  get vin(): string {
    return this.sender.vin;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** False once the connection is about to close. */
  get isReading(): boolean {
    return this.#isReading;
  }

  get isPinged(): boolean {
    return this.pingedMs !== 0;
  }

  ping(steadyMs: number): void {
    this.pingedMs = steadyMs;
    this.#webSocket.ping();
  }

  /** Permanently. Records that were read before are still stored and acknowledged. */
  stopReading(): void {
    this.#isReading = false;
    this.#webSocket.pause();
  }

  /** Sends a close frame. Resumes the socket, because a paused one cannot read the vehicle's close frame. */
  close(code: number, reason: string): void {
    this.#webSocket.resume();
    this.#webSocket.close(code, reason);
  }

  /** Immediately; the rest of the current chunk is ignored. */
  terminate(reason: string): void {
    this.#isReading = false;
    countOne(this.#services.counts.ended, reason);
    this.#webSocket.terminate();
  }

  /** Resumes a paused socket if the window, the process limit, the rate limit and the byte budget all have room. */
  resumeIfPossible(): void {
    if (!this.#isPaused || !this.#isReading || this.#isFull()) return;
    if (this.#tokenTimer !== undefined) return;
    this.#isPaused = false;
    this.#services.events.resumed(this);
    // silence of a socket that was not read is no sign of a dead vehicle
    this.#markReceived();
    // the tick may be from before a stall
    this.lastReceivedMs = this.#services.monotonicNow();
    this.#webSocket.resume();
  }

  /** Called once for each appended record, in the order of the records. */
  settled(outcome: AppendOutcome): void {
    const { counts } = this.#services;
    if (outcome === 'stored') counts.stored++;
    else if (outcome === 'repeat') counts.repeats++;
    else counts.failed++;
    // a record that Redis rejected is not acknowledged: the vehicle keeps it and resends it after a reconnect
    const isAcknowledged = outcome !== 'failed';
    const hadAck = this.#acks!.settle(isAcknowledged);
    if (!hadAck && !isAcknowledged) counts.lost++;
    if (isAcknowledged && hadAck) {
      counts.acknowledged++;
      // The acks of one turn leave in one write: one encryption, one system call.
      if (!this.#isFlushPlanned) {
        this.#isFlushPlanned = true;
        process.nextTick(flushAcks, this);
      }
    }
    this.resumeIfPossible();
  }

  /** Writes past ws. Safe, because both write whole frames only. */
  flushAcks(): void {
    this.#isFlushPlanned = false;
    const frames = this.#acks?.take();
    if (frames === undefined || this.#webSocket.readyState !== this.#webSocket.OPEN) return;
    this.#socket.write(frames);
    if (this.#webSocket.bufferedAmount > UNREAD_ANSWER_BYTES) this.terminate('answers_unread');
  }

  /** Reads whole binary messages directly from the socket and passes all other frames to ws. */
  #splitFrames(socket: Duplex): FrameSplitter {
    const forWs = socket.listeners('data');
    let receivedMs = 0;
    socket.removeAllListeners('data');
    const splitter = new FrameSplitter({
      message: (bytes, start, end) => {
        const isOpen = this.#webSocket.readyState === this.#webSocket.OPEN;
        if (this.#isReading && isOpen) this.#onMessage(bytes, start, end, receivedMs);
        // ignored messages may be followed by the close frame that ws waits for
        return !socket.destroyed;
      },
      other: (bytes) => {
        for (const listener of forWs) listener.call(socket, bytes);
      },
    });
    socket.on('data', (chunk: Buffer) => {
      receivedMs = this.#markReceived();
      splitter.push(chunk);
    });
    return splitter;
  }

  #onMessage(bytes: Buffer, start: number, end: number, receivedMs: number): void {
    // bytes that had been received before stopReading; the vehicle resends them
    if (!this.#isReading) return;
    this.records++;
    this.bytes += end - start;
    if (this.bytes > this.#bytesToCharge) this.#chargeBytes();
    if (this.#bucket !== undefined) this.#consumeToken(this.#bucket);
    const { stalls } = this.#services;
    const repeats = stalls.isLate(receivedMs) ? 'likely' : repeatsAt(stalls.tickMs - this.facts.connectedMs);
    const decision = receive(bytes, this.sender, { receivedMs, repeats, start, end });
    if (decision.kind === 'append') this.#append(decision, end - start);
    else this.#refuse(decision, bytes.subarray(start, end));
  }

  #append(decision: Extract<Decision, { kind: 'append' }>, messageBytes: number): void {
    const { counts, appender, inspect, rules } = this.#services;
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
    if (rules.ackOnReceive.size > 0 && rules.ackOnReceive.has(record.topic)) {
      this.#acks.addWithoutAck(messageBytes);
      counts.acknowledged++;
      this.#answer(buildAck(bytes, txidStart, txidEnd, topicStart, topicEnd));
    } else {
      this.#acks.add(messageBytes, bytes, txidStart, txidEnd, topicStart, topicEnd);
    }
    inspect?.(record);
    appender.append(record, this);
    if (this.#isFull()) this.#pause();
  }

  #pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#webSocket.pause();
    this.#services.events.paused(this);
  }

  /** Charges one message. Over the limit the socket is paused; messages that are already read are still processed. */
  #consumeToken(bucket: TokenBucket): void {
    const nowMs = this.#services.monotonicNow();
    bucket.take(nowMs);
    if (this.#tokenTimer !== undefined || bucket.waitMs(nowMs) === 0) return;
    this.#services.counts.rateLimited++;
    this.#pause();
    this.#awaitTokens(nowMs);
  }

  /** Over the budget the socket is paused; bytes that are already read are still processed, and are charged as debt. */
  #chargeBytes(): void {
    this.#bytesToCharge = this.bytes + BYTES_PER_CHARGE;
    this.#takeBytes();
    const nowMs = this.#services.monotonicNow();
    if (this.#tokenTimer !== undefined || this.#byteBucket?.waitMs(nowMs) === 0) return;
    this.#services.byteBudget?.paused(this.vin);
    this.#pause();
    this.#awaitTokens(nowMs);
  }

  #takeBytes(): void {
    this.#byteBucket?.take(this.#services.monotonicNow(), Number.POSITIVE_INFINITY, this.bytes - this.#chargedBytes);
    this.#chargedBytes = this.bytes;
  }

  #awaitTokens(nowMs: number): void {
    const waitMs = (at: number) => Math.max(this.#bucket?.waitMs(at) ?? 0, this.#byteBucket?.waitMs(at) ?? 0);
    const check = () => {
      this.#tokenTimer = undefined;
      // messages that were read together with the last one consumed tokens too
      const laterMs = this.#services.monotonicNow();
      if (waitMs(laterMs) > 0) this.#awaitTokens(laterMs);
      else this.resumeIfPossible();
    };
    this.#tokenTimer = setTimeout(check, Math.min(waitMs(nowMs), MAX_TOKEN_WAIT_MS)).unref();
  }

  #refuse({ reason, detail, isKept, answer }: Extract<Decision, { kind: 'answer' }>, bytes: Buffer): void {
    const { counts, log, quarantine } = this.#services;
    countOne(counts.refused, reason);
    log.debug({ vin: this.vin, reason, detail }, 'record_refused');
    if (isKept) quarantine.add(this.vin, reason, bytes);
    this.#answer(answer);
  }

  #answer(answer: Buffer): void {
    if (this.#webSocket.readyState !== this.#webSocket.OPEN) return;
    this.#webSocket.send(answer, BINARY);
    if (this.#webSocket.bufferedAmount > UNREAD_ANSWER_BYTES) this.terminate('answers_unread');
  }

  /** Whether this connection's window or the whole process has reached its limit. */
  #isFull(): boolean {
    const { appender, maxUnsettledBytes } = this.#services;
    if (appender.unsettledBytes >= maxUnsettledBytes) return true;
    const acks = this.#acks;
    return acks !== undefined && (acks.unsettledRecords >= WINDOW_RECORDS || acks.unsettledBytes >= WINDOW_BYTES);
  }

  #markReceived(): number {
    this.lastReceivedMs = this.#services.stalls.tickMs;
    this.pingedMs = 0;
    return this.#services.now();
  }
}

function repeatsAt(connectedForMs: number): 'likely' | 'possible' | 'unlikely' {
  if (connectedForMs < REPEATS_LIKELY_MS) return 'likely';
  return connectedForMs < REPEATS_POSSIBLE_MS ? 'possible' : 'unlikely';
}

const BINARY = { binary: true, compress: false };

function flushAcks(connection: VehicleConnection): void {
  connection.flushAcks();
}
