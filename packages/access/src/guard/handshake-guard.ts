// Protects the TLS handshake. A handshake costs milliseconds of CPU, so only a few run at a time; the others queue, and
// the addresses take turns. A burst of clients is delayed, not refused. Until a client has sent its whole ClientHello it
// costs only a socket. Handshakes of an address where too many failed run last and at a limited rate, but they run: a
// right client may be behind the same address.
//
//   accepted ──▶ [PROXY header] ──▶ hello ──▶ queue ──▶ handshake ──▶ succeeded
//      └ nothing comes: no_hello     └ not TLS: not_tls   └ continues without a slot when the client is slow
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { plainAddress, rateLimitKey } from '../addresses/index.js';
import { TokenBucket } from '../limits/index.js';
import { type AddressLimitOptions, AddressLimits } from './address-limits.js';
import { FairQueue } from './fair-queue.js';
import { looksLikeProxyHeader, readProxyHeader } from './proxy-header.js';

export interface HandshakeLimits extends AddressLimitOptions {
  /** Handshakes that run at a time: slots. */
  concurrent: number;
  /** A handshake that takes longer is waiting for its client and releases its slot. */
  slotMs: number;
  /** A connection that has waited for its client for this long counts as unfinished for its address. */
  unfinishedAfterMs: number;
  /** Time limit of the ClientHello. The rest of the handshake has the time limit of the TLS server. */
  helloMs: number;
  /** Maximum number of connections that wait for their hello or a slot. */
  waiting: number;
  /** Handshakes per second of all addresses where too many failed. */
  failingPerSecond: number;
}

export const handshakeLimits: HandshakeLimits = {
  concurrent: 32,
  slotMs: 500,
  unfinishedAfterMs: 2_000,
  helloMs: 10_000,
  waiting: 10_000,
  failures: 100,
  forgivenPerSecond: 1,
  unfinished: 256,
  failingPerSecond: 100,
};

const SWEEP_MS = 50;
const CLEANUP_MS = 60_000;
const TLS_HANDSHAKE = 0x16;
/** A TLS record; a longer hello comes in several records. */
const MAX_RECORD_BYTES = 16_640;

export interface HandshakeGuardOptions {
  limits: HandshakeLimits;
  /** Whether this peer is a TCP balancer, which must send a PROXY header. */
  isBalancer: (address: string) => boolean;
  startTls: (socket: Socket) => void;
  countRefused: (reason: string) => void;
  log: GuardLog;
}

export interface GuardLog {
  debug(fields: object, event: string): void;
  warn(fields: object, event: string): void;
}

type Phase = 'header' | 'hello' | 'queue' | 'handshake' | 'done';

/** A connection before the end of its handshake. */
interface PendingConnection {
  readonly socket: Socket;
  /** Identifies the connection; the TLS socket above it has the same value. */
  readonly peer: string;
  address: string;
  /** The key of its address in the limits. */
  key: string;
  phase: Phase;
  bytes: Buffer;
  /** When it was accepted; later, when its handshake started. */
  sinceMs: number;
  isUnfinished: boolean;
  readonly onData: (chunk: Buffer) => void;
  readonly onClose: () => void;
}

export class HandshakeGuard {
  readonly #options: HandshakeGuardOptions;
  readonly #addresses: AddressLimits<PendingConnection>;
  readonly #queue = new FairQueue<PendingConnection>();
  /** Those of addresses where too many failed. */
  readonly #failingQueue = new FairQueue<PendingConnection>({ isNewestFirst: true });
  readonly #failingRate: TokenBucket;
  // Each set is in the order of sinceMs, so a sweep stops at the first connection that is not due.
  readonly #fresh = new Set<PendingConnection>();
  readonly #late = new Set<PendingConnection>();
  readonly #failing = new Set<PendingConnection>();
  /** Handshakes with a slot, and those that have released it. */
  readonly #running = new Set<PendingConnection>();
  readonly #slow = new Set<PendingConnection>();
  readonly #byPeer = new Map<string, PendingConnection>();
  readonly #realAddresses = new WeakMap<object, string>();
  #isStopped = false;
  readonly #sweeper: NodeJS.Timeout;
  readonly #cleaner: NodeJS.Timeout;

  constructor(options: HandshakeGuardOptions) {
    this.#options = options;
    this.#addresses = new AddressLimits(options.limits, () => performance.now());
    const { failingPerSecond } = options.limits;
    this.#failingRate = new TokenBucket({ capacity: Math.max(1, failingPerSecond / 10), perSecond: failingPerSecond });
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_MS).unref();
    this.#cleaner = setInterval(() => this.#addresses.cleanup(), CLEANUP_MS).unref();
  }

  /** Connections that wait for their hello or for a slot. */
  get waiting(): number {
    return this.#fresh.size + this.#late.size + this.#queue.size + this.#failing.size;
  }

  /** Handshakes in progress. */
  get inProgress(): number {
    return this.#running.size + this.#slow.size;
  }

  /** A new TCP connection. */
  accept(socket: Socket): void {
    const { remoteAddress, remotePort } = socket;
    // 'close' follows every error and is handled below.
    socket.on('error', ignore);
    if (remoteAddress === undefined || this.#isStopped) {
      socket.destroy();
      return;
    }
    const address = plainAddress(remoteAddress);
    const pending: PendingConnection = {
      socket,
      peer: `${remoteAddress} ${remotePort}`,
      address,
      key: rateLimitKey(address),
      phase: this.#options.isBalancer(address) ? 'header' : 'hello',
      bytes: Buffer.alloc(0),
      sinceMs: performance.now(),
      isUnfinished: false,
      onData: (chunk) => this.#received(pending, chunk),
      onClose: () => this.#closed(pending),
    };
    if (this.waiting >= this.#options.limits.waiting) {
      // a client that is served has sent its hello soon
      const oldest = first(this.#late) ?? first(this.#failing) ?? first(this.#fresh) ?? pending;
      this.#refuse(oldest, 'too_many_waiting');
      if (oldest === pending) return;
    }
    this.#fresh.add(pending);
    socket.on('data', pending.onData);
    socket.once('close', pending.onClose);
  }

  /** The handshake has succeeded. */
  succeeded(socket: TLSSocket): void {
    const pending = this.#byPeer.get(peerOf(socket));
    if (pending === undefined) return;
    if (pending.address !== plainAddress(socket.remoteAddress ?? '')) {
      this.#realAddresses.set(socket, pending.address);
    }
    this.#addresses.recordSuccess(pending.key);
    this.#forget(pending);
    this.#startNext();
  }

  /** The client's address, which a balancer reports in its PROXY header. */
  addressOf(socket: TLSSocket): string {
    const known = this.#realAddresses.get(socket) ?? this.#byPeer.get(peerOf(socket))?.address;
    return known ?? plainAddress(socket.remoteAddress ?? '');
  }

  /** Closes all connections that wait for their handshake. */
  stop(): void {
    this.#isStopped = true;
    clearInterval(this.#sweeper);
    clearInterval(this.#cleaner);
    for (const pending of [...this.#fresh, ...this.#late, ...this.#failing, ...this.#queue.drain()]) {
      this.#forget(pending);
      pending.socket.destroy();
    }
  }

  #received(pending: PendingConnection, chunk: Buffer): void {
    pending.bytes = pending.bytes.length === 0 ? chunk : Buffer.concat([pending.bytes, chunk]);
    if (pending.phase === 'header' && !this.#readHeader(pending)) return;
    if (pending.phase === 'hello') this.#readHello(pending);
    // a client must not send more before the handshake has started
    else if (pending.bytes.length > 2 * MAX_RECORD_BYTES) this.#refuseAsFailure(pending, 'not_tls');
  }

  /** Returns whether a complete, valid header was read. */
  #readHeader(pending: PendingConnection): boolean {
    const header = readProxyHeader(pending.bytes);
    if (header.kind === 'incomplete') return false;
    if (header.kind === 'malformed') {
      const { address } = pending;
      this.#options.log.debug({ address, reason: header.reason }, 'proxy_header_malformed');
      this.#refuse(pending, 'proxy_header_malformed');
      return false;
    }
    pending.address = plainAddress(header.source ?? pending.address);
    this.#finishWaiting(pending);
    pending.key = rateLimitKey(pending.address);
    pending.phase = 'hello';
    pending.bytes = pending.bytes.subarray(header.length);
    return true;
  }

  #readHello(pending: PendingConnection): void {
    const { bytes } = pending;
    const recordBytes = bytes.length < 5 ? 0 : bytes.readUInt16BE(3);
    if (bytes.length > 0 && (bytes[0] !== TLS_HANDSHAKE || recordBytes > MAX_RECORD_BYTES)) {
      const isHeader = looksLikeProxyHeader(bytes);
      if (isHeader) this.#logUnexpectedHeader(pending);
      this.#refuseAsFailure(pending, isHeader ? 'proxy_header_unexpected' : 'not_tls');
    } else if (recordBytes > 0 && bytes.length >= 5 + recordBytes) {
      this.#finishWaiting(pending);
      this.#fresh.delete(pending);
      this.#late.delete(pending);
      pending.phase = 'queue';
      if (this.#addresses.hasFailedTooOften(pending.key)) this.#addFailing(pending);
      else this.#queue.add(pending.key, pending);
      this.#startNext();
    }
  }

  #startNext(): void {
    while (this.#running.size < this.#options.limits.concurrent) {
      const pending = this.#queue.next() ?? this.#nextFailing();
      if (pending === undefined) return;
      this.#start(pending);
    }
  }

  #addFailing(pending: PendingConnection): void {
    pending.sinceMs = performance.now();
    this.#failing.add(pending);
    this.#failingQueue.add(pending.key, pending);
    const { key, address } = pending;
    if (this.#addresses.shouldLog(key)) this.#options.log.warn({ address }, 'handshakes_limited');
  }

  #nextFailing(): PendingConnection | undefined {
    const nowMs = performance.now();
    if (this.#failing.size === 0 || this.#failingRate.waitMs(nowMs) > 0) return undefined;
    this.#failingRate.take(nowMs);
    const pending = this.#failingQueue.next();
    if (pending !== undefined) this.#failing.delete(pending);
    return pending;
  }

  #start(pending: PendingConnection): void {
    const { socket } = pending;
    pending.phase = 'handshake';
    pending.sinceMs = performance.now();
    this.#running.add(pending);
    this.#byPeer.set(pending.peer, pending);
    socket.off('data', pending.onData);
    socket.pause();
    socket.unshift(pending.bytes);
    pending.bytes = EMPTY;
    this.#options.startTls(socket);
  }

  #closed(pending: PendingConnection): void {
    const { phase } = pending;
    this.#forget(pending);
    // Not a failure of its address: a balancer's health check connects and disconnects.
    if (phase === 'header' || phase === 'hello') this.#options.countRefused('left_before_hello');
    if (phase === 'queue') this.#options.countRefused('left_in_queue');
    // server.ts counts the reason, which TLS reports.
    if (phase === 'handshake') this.#addresses.recordFailure(pending.key);
    this.#startNext();
  }

  #sweep(): void {
    const { helloMs, slotMs } = this.#options.limits;
    const unfinishedAfterMs = Math.min(this.#options.limits.unfinishedAfterMs, helloMs);
    const nowMs = performance.now();
    for (const pending of this.#running) {
      if (nowMs - pending.sinceMs < slotMs) break;
      this.#running.delete(pending);
      this.#slow.add(pending);
    }
    for (const pending of this.#slow) {
      if (nowMs - pending.sinceMs < unfinishedAfterMs) break;
      if (!pending.isUnfinished) this.#countUnfinished(pending);
    }
    for (const pending of this.#fresh) {
      if (nowMs - pending.sinceMs < unfinishedAfterMs) break;
      this.#fresh.delete(pending);
      this.#late.add(pending);
      this.#countUnfinished(pending);
    }
    for (const pending of this.#late) {
      if (nowMs - pending.sinceMs < helloMs) break;
      this.#refuseAsFailure(pending, 'no_hello');
    }
    for (const pending of this.#failing) {
      if (nowMs - pending.sinceMs < helloMs) break;
      this.#refuse(pending, 'address_failures');
    }
    this.#startNext();
  }

  #countUnfinished(pending: PendingConnection): void {
    pending.isUnfinished = true;
    const excess = this.#addresses.addUnfinished(pending.key, pending);
    if (excess !== undefined) this.#refuseAsFailure(excess, 'address_unfinished');
  }

  #finishWaiting(pending: PendingConnection): void {
    if (pending.isUnfinished) this.#addresses.removeUnfinished(pending.key, pending);
    pending.isUnfinished = false;
  }

  #logUnexpectedHeader({ address, key }: PendingConnection): void {
    if (!this.#addresses.shouldLog(key)) return;
    this.#options.log.warn({ address, remedy: 'PROXY_PROTOCOL_FROM' }, 'proxy_header_unexpected');
  }

  /** Refuses the connection and counts a failure for its address. */
  #refuseAsFailure(pending: PendingConnection, reason: string): void {
    this.#addresses.recordFailure(pending.key);
    this.#refuse(pending, reason);
  }

  #refuse(pending: PendingConnection, reason: string): void {
    this.#options.countRefused(reason);
    this.#options.log.debug({ reason, address: pending.address }, 'handshake_refused');
    this.#forget(pending);
    pending.socket.destroy();
  }

  /** Called when the handshake has succeeded or the connection is closed. */
  #forget(pending: PendingConnection): void {
    const { socket } = pending;
    this.#finishWaiting(pending);
    if (this.#failing.delete(pending)) this.#failingQueue.remove(pending.key, pending);
    else if (pending.phase === 'queue') this.#queue.remove(pending.key, pending);
    pending.phase = 'done';
    for (const set of [this.#fresh, this.#late, this.#running, this.#slow]) set.delete(pending);
    if (this.#byPeer.get(pending.peer) === pending) this.#byPeer.delete(pending.peer);
    socket.off('data', pending.onData);
    socket.off('close', pending.onClose);
  }
}

const EMPTY = Buffer.alloc(0);

function ignore(): void {}

function first<T>(set: ReadonlySet<T>): T | undefined {
  return set.values().next().value;
}

/** Address and port identify an open connection; the TLS socket reports those of the TCP socket below it. */
function peerOf({ remoteAddress, remotePort }: Pick<Socket, 'remoteAddress' | 'remotePort'>): string {
  return `${remoteAddress} ${remotePort}`;
}
