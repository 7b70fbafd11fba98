// What stands between a TCP connection and its TLS handshake. A handshake costs milliseconds of CPU, so only a few are
// computed at a time and the others queue, address by address in turn; nobody is refused for coming in a crowd. Until a
// client has sent its whole hello it costs a socket and nothing else.
//
//   accepted ──▶ [PROXY header] ──▶ hello ──▶ queue ──▶ handshake ──▶ a vehicle's (server.ts)
//      └ nothing comes: no_hello     └ not TLS: not_tls   └ goes on without its place when the client is slow
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { plainAddress, rateLimitKey } from '@fleetbridge/access';
import type { Logger } from '@fleetbridge/service';
import { type AddressLimitOptions, AddressLimits } from './address-limits.js';
import { FairQueue } from './fair-queue.js';
import { looksLikeProxyHeader, readProxyHeader } from './proxy-header.js';

export interface HandshakeLimits extends AddressLimitOptions {
  /** Handshakes that are computed at a time. */
  concurrent: number;
  /** A handshake that takes longer waits for its client, and gives its place to the next one. */
  placeMs: number;
  /** A client that lets us wait for so long leaves its connection unfinished. */
  patienceMs: number;
  /** Within it the hello has to be here. The handshake's own limit is TLS's. */
  helloMs: number;
  /** Connections before their handshake, in all. */
  waiting: number;
}

export const handshakeLimits: HandshakeLimits = {
  concurrent: 32,
  placeMs: 500,
  patienceMs: 2_000,
  helloMs: 10_000,
  waiting: 10_000,
  failures: 100,
  forgivenPerSecond: 1,
  unfinished: 256,
};

const SWEEP_MS = 50;
const TIDY_MS = 60_000;
const TLS_HANDSHAKE = 0x16;
/** Of a TLS record; a hello that is longer comes in several. */
const MAX_RECORD_BYTES = 16_640;

export interface HandshakeGuardOptions {
  limits: HandshakeLimits;
  /** Whether this peer is a balancer, which must send a PROXY header. */
  isBalancer: (address: string) => boolean;
  startTls: (socket: Socket) => void;
  countRefused: (reason: string) => void;
  log: Pick<Logger, 'debug' | 'warn'>;
}

type Phase = 'header' | 'hello' | 'queue' | 'handshake' | 'over';

/** A connection that is not a vehicle's yet. */
interface Approach {
  readonly socket: Socket;
  /** Who this is among the open connections, also for the TLS socket above. */
  readonly peer: string;
  address: string;
  /** What its address is limited as. */
  key: string;
  phase: Phase;
  bytes: Buffer;
  /** When the client's turn began: accepted, or its handshake started. */
  sinceMs: number;
  isUnfinished: boolean;
  hasPlace: boolean;
  readonly onData: (chunk: Buffer) => void;
  readonly onClose: () => void;
}

export class HandshakeGuard {
  readonly #options: HandshakeGuardOptions;
  readonly #addresses: AddressLimits;
  readonly #queue = new FairQueue<Approach>();
  // Each in the order of sinceMs, so that a sweep ends at the first that is young.
  readonly #fresh = new Set<Approach>();
  readonly #late = new Set<Approach>();
  readonly #computed = new Set<Approach>();
  readonly #slow = new Set<Approach>();
  readonly #byPeer = new Map<string, Approach>();
  readonly #realAddresses = new WeakMap<object, string>();
  #isStopped = false;
  readonly #sweeper: NodeJS.Timeout;
  readonly #tidier: NodeJS.Timeout;

  constructor(options: HandshakeGuardOptions) {
    this.#options = options;
    this.#addresses = new AddressLimits(options.limits, () => performance.now());
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_MS).unref();
    this.#tidier = setInterval(() => this.#addresses.cleanup(), TIDY_MS).unref();
  }

  /** Connections whose hello has not come, or whose handshake has not begun. */
  get waiting(): number {
    return this.#fresh.size + this.#late.size + this.#queue.size;
  }

  /** Handshakes under way. */
  get underWay(): number {
    return this.#computed.size + this.#slow.size;
  }

  /** A new TCP connection. */
  accept(socket: Socket): void {
    const { remoteAddress, remotePort } = socket;
    // An error is followed by 'close', and that is what counts.
    socket.on('error', ignore);
    if (remoteAddress === undefined || this.#isStopped) {
      socket.destroy();
      return;
    }
    const address = plainAddress(remoteAddress);
    const approach: Approach = {
      socket,
      peer: `${remoteAddress} ${remotePort}`,
      address,
      key: rateLimitKey(address),
      phase: this.#options.isBalancer(address) ? 'header' : 'hello',
      bytes: Buffer.alloc(0),
      sinceMs: performance.now(),
      isUnfinished: false,
      hasPlace: false,
      onData: (chunk) => this.#received(approach, chunk),
      onClose: () => this.#closed(approach),
    };
    if (this.waiting >= this.#options.limits.waiting) {
      this.#refuse(approach, 'too_many_waiting');
      return;
    }
    if (approach.phase === 'hello' && this.#isShutOut(approach)) return;
    this.#fresh.add(approach);
    socket.on('data', approach.onData);
    socket.once('close', approach.onClose);
  }

  /** The client has proved who it is. */
  succeeded(socket: TLSSocket): void {
    const approach = this.#byPeer.get(peerOf(socket));
    if (approach === undefined) return;
    if (approach.address !== plainAddress(socket.remoteAddress ?? '')) {
      this.#realAddresses.set(socket, approach.address);
    }
    this.#addresses.recordSuccess(approach.key);
    this.#forget(approach);
    this.#startNext();
  }

  /** Who is at the other end, behind whatever balancer. */
  addressOf(socket: TLSSocket): string {
    const known = this.#realAddresses.get(socket) ?? this.#byPeer.get(peerOf(socket))?.address;
    return known ?? plainAddress(socket.remoteAddress ?? '');
  }

  /** Ends all whose handshake has not begun. */
  stop(): void {
    this.#isStopped = true;
    clearInterval(this.#sweeper);
    clearInterval(this.#tidier);
    for (const approach of [...this.#fresh, ...this.#late, ...this.#queue.takeAll()]) {
      this.#forget(approach);
      approach.socket.destroy();
    }
  }

  #received(approach: Approach, chunk: Buffer): void {
    approach.bytes = approach.bytes.length === 0 ? chunk : Buffer.concat([approach.bytes, chunk]);
    if (approach.phase === 'header' && !this.#readHeader(approach)) return;
    if (approach.phase === 'hello') this.#readHello(approach);
    // who sends on while it queues
    else if (approach.bytes.length > 2 * MAX_RECORD_BYTES) this.#blame(approach, 'not_tls');
  }

  /** Whether it is whole and good. */
  #readHeader(approach: Approach): boolean {
    const header = readProxyHeader(approach.bytes);
    if (header.kind === 'incomplete') return false;
    if (header.kind === 'malformed') {
      const { address } = approach;
      this.#options.log.debug({ address, reason: header.reason }, 'proxy_header_malformed');
      this.#refuse(approach, 'proxy_header_malformed');
      return false;
    }
    approach.address = plainAddress(header.source ?? approach.address);
    this.#finishWaiting(approach);
    approach.key = rateLimitKey(approach.address);
    approach.phase = 'hello';
    approach.bytes = approach.bytes.subarray(header.length);
    return !this.#isShutOut(approach);
  }

  #readHello(approach: Approach): void {
    const { bytes } = approach;
    const recordBytes = bytes.length < 5 ? 0 : bytes.readUInt16BE(3);
    if (bytes.length > 0 && (bytes[0] !== TLS_HANDSHAKE || recordBytes > MAX_RECORD_BYTES)) {
      const isHeader = looksLikeProxyHeader(bytes);
      if (isHeader) this.#tellOfHeader(approach);
      this.#blame(approach, isHeader ? 'proxy_header_unexpected' : 'not_tls');
    } else if (recordBytes > 0 && bytes.length >= 5 + recordBytes) {
      this.#finishWaiting(approach);
      this.#fresh.delete(approach);
      this.#late.delete(approach);
      approach.phase = 'queue';
      this.#queue.add(approach.key, approach);
      this.#startNext();
    }
  }

  #startNext(): void {
    while (this.#computed.size < this.#options.limits.concurrent) {
      const approach = this.#queue.next();
      if (approach === undefined) return;
      this.#start(approach);
    }
  }

  #start(approach: Approach): void {
    const { socket } = approach;
    approach.phase = 'handshake';
    approach.sinceMs = performance.now();
    this.#computed.add(approach);
    this.#byPeer.set(approach.peer, approach);
    socket.off('data', approach.onData);
    socket.pause();
    socket.unshift(approach.bytes);
    approach.bytes = nothing;
    this.#options.startTls(socket);
  }

  #closed(approach: Approach): void {
    const { phase } = approach;
    this.#forget(approach);
    // Left while it waited for us: no harm done. (A balancer's health check connects and goes.)
    if (phase === 'header' || phase === 'hello') this.#options.countRefused('left_before_hello');
    if (phase === 'queue') this.#options.countRefused('left_in_queue');
    // Why is TLS's to say; server.ts counts it.
    if (phase === 'handshake') this.#addresses.recordFailure(approach.key);
    this.#startNext();
  }

  #sweep(): void {
    const { helloMs, placeMs } = this.#options.limits;
    const patienceMs = Math.min(this.#options.limits.patienceMs, helloMs);
    const nowMs = performance.now();
    for (const approach of this.#computed) {
      if (nowMs - approach.sinceMs < placeMs) break;
      this.#computed.delete(approach);
      this.#slow.add(approach);
    }
    for (const approach of this.#slow) {
      if (nowMs - approach.sinceMs < patienceMs) break;
      if (!approach.isUnfinished) this.#leavesUnfinished(approach);
    }
    for (const approach of this.#fresh) {
      if (nowMs - approach.sinceMs < patienceMs) break;
      this.#fresh.delete(approach);
      this.#late.add(approach);
      this.#leavesUnfinished(approach);
    }
    for (const approach of this.#late) {
      if (nowMs - approach.sinceMs < helloMs) break;
      this.#blame(approach, 'no_hello');
    }
    this.#startNext();
  }

  #leavesUnfinished(approach: Approach): void {
    approach.isUnfinished = true;
    if (!this.#addresses.addUnfinished(approach.key)) this.#blame(approach, 'address_unfinished');
  }

  #finishWaiting(approach: Approach): void {
    if (approach.isUnfinished) this.#addresses.removeUnfinished(approach.key);
    approach.isUnfinished = false;
  }

  /** Whether its address has failed so often that it gets no handshake now. */
  #isShutOut(approach: Approach): boolean {
    if (!this.#addresses.hasFailedTooOften(approach.key)) return false;
    const { log } = this.#options;
    if (this.#addresses.shouldLog(approach.key)) log.warn({ address: approach.address }, 'address_failed_too_often');
    this.#refuse(approach, 'address_failures');
    return true;
  }

  #tellOfHeader({ address, key }: Approach): void {
    if (!this.#addresses.shouldLog(key)) return;
    this.#options.log.warn({ address, remedy: 'PROXY_PROTOCOL_FROM' }, 'proxy_header_unexpected');
  }

  /** Ends it, and holds it against its address. */
  #blame(approach: Approach, reason: string): void {
    this.#addresses.recordFailure(approach.key);
    this.#refuse(approach, reason);
  }

  #refuse(approach: Approach, reason: string): void {
    this.#options.countRefused(reason);
    this.#options.log.debug({ reason, address: approach.address }, 'handshake_refused');
    this.#forget(approach);
    approach.socket.destroy();
  }

  /** It is a vehicle's now, or nobody's. */
  #forget(approach: Approach): void {
    const { socket } = approach;
    this.#finishWaiting(approach);
    if (approach.phase === 'queue') this.#queue.remove(approach.key, approach);
    approach.phase = 'over';
    for (const set of [this.#fresh, this.#late, this.#computed, this.#slow]) set.delete(approach);
    if (this.#byPeer.get(approach.peer) === approach) this.#byPeer.delete(approach.peer);
    socket.off('data', approach.onData);
    socket.off('close', approach.onClose);
  }
}

const nothing = Buffer.alloc(0);

function ignore(): void {}

/** An address and a port are one connection at a time, and the TLS socket has those of the one beneath. */
function peerOf({ remoteAddress, remotePort }: Pick<Socket, 'remoteAddress' | 'remotePort'>): string {
  return `${remoteAddress} ${remotePort}`;
}
