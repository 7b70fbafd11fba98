// A client that behaves like TeslaMate's stream process, including its weaknesses (docs/protocol/teslamate.md#messages and
// #timers). Input that crashes TeslaMate ends this client too and is recorded as a `crash` with its reason.

import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import type { TeslaMateEvent, TeslaMateEventFacts } from './teslamate-events.js';
import { parseTeslaMateFrame, type TeslaMateFrame, teslaMateColumns } from './teslamate-frame.js';

export interface TeslaMateClientOptions {
  /** TESLA_WSS_HOST: `wss://host:port`, without `/streaming/`. */
  readonly url: string;
  readonly token: string;
  /** The VIN, or the numeric vehicle id. */
  readonly tag: string;
  readonly columns?: readonly string[];
  /** The CA of the server's certificate. */
  readonly caPem?: string;
  /** Multiplies all of TeslaMate's delays, e.g. 0.01 in a test. Default 1. */
  readonly timeFactor?: number;
  /** Called with each frame, before `waitFor` checks it. */
  readonly onFrame?: (frame: TeslaMateFrame, receivedMs: number) => void;
}

export interface TeslaMateMessage {
  readonly receivedMs: number;
  readonly text: string;
}

/** TeslaMate's delays, in seconds. */
const SILENCE = 30;
const FIRST_MESSAGE = [10, 10, 10, 10, 16, 30];
const CLOSE_WAIT = 5;
const RECONNECT = [2, 4, 8, 16, 30];
const RESUBSCRIBE_IN_GEAR = [1, 1, 2, 2, 3, 4, 5, 6, 8, 8];
const RESUBSCRIBE = [15, 15, 15, 15, 16, 30];
const NEW_PROCESS = 1;
const INACTIVE_AFTER = 5;
const TOO_MANY_DISCONNECTS = 11;
/** TeslaMate's own timeout; not scaled by timeFactor, since a handshake on a busy machine is not faster either. */
const HANDSHAKE_MS = 30_000;

export class TeslaMateClient {
  readonly frames: TeslaMateFrame[] = [];
  readonly messages: TeslaMateMessage[] = [];
  readonly events: TeslaMateEvent[] = [];
  readonly #options: TeslaMateClientOptions;
  readonly #columns: readonly string[];
  #state: 'idle' | 'running' = 'idle';
  #socket: WebSocket | undefined;
  #transport: Socket | undefined;
  /** TeslaMate's client has only one timer. */
  #timer: NodeJS.Timeout | undefined;
  #reconnectTimer: NodeJS.Timeout | undefined;
  /** The close frame is sent; messages until the end of TCP are ignored. */
  #isClosing = false;
  #isExpired = false;
  #timeouts = 0;
  #disconnects = 0;
  #failedReconnects = 0;
  #lastFrame: TeslaMateFrame | undefined;
  #lastTrafficMs = 0;
  readonly #waiting = new Set<() => void>();

  constructor(options: TeslaMateClientOptions) {
    this.#options = options;
    this.#columns = options.columns ?? teslaMateColumns;
  }

  get isConnected(): boolean {
    return this.#socket?.readyState === WebSocket.OPEN && !this.#isClosing;
  }

  get crashes(): string[] {
    return this.events.flatMap((event) => (event.type === 'crash' ? [event.reason] : []));
  }

  /** Number of events of a type. */
  count(type: TeslaMateEvent['type']): number {
    return this.events.filter((event) => event.type === type).length;
  }

  /** Starts a stream process. Resolves when it has subscribed; rejects when it crashes before (also recorded). */
  async connect(): Promise<void> {
    if (this.#state === 'running') throw new Error('already connected');
    this.#state = 'running';
    const seen = this.events.length;
    this.#startProcess();
    await this.waitFor(
      () => this.events.slice(seen).some(({ type }) => type === 'connected' || type === 'crash'),
      60_000,
    );
    const last = this.events.slice(seen).find(({ type }) => type === 'connected' || type === 'crash');
    if (last?.type === 'crash') throw new Error(last.reason);
  }

  /** Disconnects like TeslaMate: data:unsubscribe, close frame 1011, end of TCP. Resolves when the socket is closed. */
  async unsubscribe(): Promise<void> {
    const socket = this.#socket;
    this.#stopTimers();
    this.#state = 'idle';
    if (socket?.readyState === WebSocket.OPEN) {
      const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
      this.#leave();
      await closed;
    } else {
      this.#dropSocket();
    }
    this.#record({ type: 'unsubscribed' });
  }

  /** Ends without a message and without an event, like a killed TeslaMate. */
  stop(): void {
    this.#state = 'idle';
    this.#stopTimers();
    this.#dropSocket();
  }

  /** Resolves when the predicate is true, checked after every message and event. Rejects after `timeoutMs`. */
  waitFor(predicate: (client: this) => boolean, timeoutMs = 10_000): Promise<void> {
    if (predicate(this)) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const check = () => {
        if (!predicate(this)) return;
        clearTimeout(timer);
        this.#waiting.delete(check);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(check);
        const types = this.events.map(({ type }) => type).join(' ');
        const received = `${this.frames.length} frames, ${this.messages.length} messages; events: ${types}`;
        reject(new Error(`not true within ${timeoutMs} ms: ${predicate}. Received: ${received}`));
      }, timeoutMs);
      this.#waiting.add(check);
    });
  }

  #startProcess(): void {
    this.#timeouts = 0;
    this.#disconnects = 0;
    this.#failedReconnects = 0;
    this.#lastFrame = undefined;
    this.#open(true);
  }

  #open(isFirst: boolean): void {
    this.#isClosing = false;
    this.#isExpired = false;
    const { url, caPem } = this.#options;
    const socket = new WebSocket(`${url.replace(/\/$/, '')}/streaming/`, {
      ...(caPem === undefined ? {} : { ca: caPem }),
      handshakeTimeout: HANDSHAKE_MS,
      perMessageDeflate: false,
    });
    this.#socket = socket;
    this.#transport = undefined;
    let isOpen = false;
    let failure: string | undefined;
    socket.once('upgrade', (response) => {
      this.#transport = response.socket;
    });
    socket.once('open', () => {
      if (this.#socket !== socket) return;
      isOpen = true;
      this.#failedReconnects = 0;
      this.#subscribe();
      this.#record({ type: 'connected', isFirst });
    });
    socket.on('message', (data) => {
      if (this.#socket === socket && !this.#isClosing) this.#received(data.toString());
    });
    socket.on('error', (error) => {
      failure = error.message;
    });
    socket.once('close', (code) => {
      if (this.#socket !== socket) return;
      if (isOpen) this.#ended(code, failure);
      else this.#failedToOpen(isFirst, failure ?? 'closed');
    });
  }

  #subscribe(): void {
    this.#send({
      msg_type: 'data:subscribe_oauth',
      token: this.#options.token,
      value: this.#columns.join(','),
      tag: this.#options.tag,
    });
    this.#startTimer(nth(FIRST_MESSAGE, this.#timeouts + 1), () => this.#timedOut());
  }

  #received(text: string): void {
    this.#lastTrafficMs = Date.now();
    this.messages.push({ receivedMs: this.#lastTrafficMs, text });
    if (!this.#isExpired) this.#handleText(text);
    this.#changed();
  }

  #handleText(text: string): void {
    // Before decoding, for any message: so a hello cancels a pending new subscribe.
    this.#startTimer(SILENCE, () => this.#timedOut());
    let message: unknown;
    try {
      message = JSON.parse(text);
    } catch {
      this.#log('error', `not JSON: ${text}`);
    }
    if (message !== undefined) this.#handleMessage(isObject(message) ? message : {}, text);
  }

  #handleMessage(message: Record<string, unknown>, text: string): void {
    const { msg_type: kind, tag, value, error_type: errorType } = message;
    if (kind === 'data:update' && typeof value === 'string' && tag === this.#options.tag) {
      this.#update(value);
    } else if (kind === 'data:error' && errorType === 'vehicle_disconnected') {
      this.#vehicleDisconnected();
    } else if (kind === 'data:error' && typeof value === 'string') {
      this.#error(errorType, value);
    } else if (kind !== 'control:hello' || message.connection_timeout === undefined) {
      this.#log('warning', `unknown message: ${text}`);
    }
  }

  #error(errorType: unknown, value: string): void {
    if (errorType === 'vehicle_error' && value === 'Vehicle is offline') {
      this.#record({ type: 'vehicle_offline' });
    } else if (errorType !== 'client_error') {
      this.#log('error', `${errorType}: ${value}`);
    } else if (value.startsWith('owner_api error:')) {
      this.#record({ type: 'owner_api_error', value });
      this.#closeAndReconnect();
    } else if (value.startsWith("Can't validate token")) {
      this.#tokensExpired();
    } else {
      this.#crash(`client_error: ${value}`);
    }
  }

  #update(value: string): void {
    const parsed = parseTeslaMateFrame(value, this.#columns);
    if ('crash' in parsed) {
      this.#crash(parsed.crash);
      return;
    }
    this.#timeouts = 0;
    this.#disconnects = 0;
    this.#lastFrame = parsed.frame;
    this.frames.push(parsed.frame);
    this.#options.onFrame?.(parsed.frame, this.#lastTrafficMs);
  }

  #vehicleDisconnected(): void {
    this.#disconnects++;
    this.#record({ type: 'vehicle_disconnected', consecutive: this.#disconnects });
    if (this.#disconnects >= TOO_MANY_DISCONNECTS) {
      this.#record({ type: 'too_many_disconnects' });
      this.#leave();
      this.#startProcess();
      return;
    }
    const shift = this.#lastFrame?.shiftState ?? '';
    const delays = ['P', 'D', 'N', 'R'].includes(shift) ? RESUBSCRIBE_IN_GEAR : RESUBSCRIBE;
    this.#startTimer(nth(delays, this.#disconnects), () => {
      this.#subscribe();
      this.#record({ type: 'subscribed_again' });
    });
  }

  /** The next process starts 1 s later; a server that ends TCP before that causes two processes for one vehicle. */
  #tokensExpired(): void {
    this.#record({ type: 'tokens_expired' });
    this.#isExpired = true;
    this.#startTimer(NEW_PROCESS, () => {
      this.#leave();
      this.#startProcess();
    });
  }

  #timedOut(): void {
    this.#timeouts++;
    this.#record({ type: 'timed_out', consecutive: this.#timeouts });
    if (this.#timeouts === INACTIVE_AFTER && this.#lastFrame !== undefined) this.#record({ type: 'inactive' });
    this.#closeAndReconnect();
  }

  #closeAndReconnect(): void {
    const socket = this.#socket;
    this.#isClosing = true;
    socket?.close(1000);
    this.#startTimer(CLOSE_WAIT, () => socket?.terminate());
  }

  #ended(code: number, failure: string | undefined): void {
    this.#stopTimers();
    if (this.#isClosing) {
      this.#open(false);
    } else if (this.#isExpired) {
      this.#crash('already_started: TCP was ended by the server right after a token error');
    } else if (failure !== undefined) {
      this.#crash(`not a WebSocket frame: ${failure}`);
    } else if (code !== 1006) {
      this.#crash(`close frame ${code === 1005 ? 'without a code' : code}`);
    } else {
      this.#lastFrame = undefined;
      this.#record({ type: 'disconnected', quietMs: Date.now() - this.#lastTrafficMs });
      this.#scheduleReconnect();
    }
  }

  #failedToOpen(isFirst: boolean, reason: string): void {
    if (isFirst) {
      this.#crash(`first connection failed: ${reason}`);
      return;
    }
    this.#failedReconnects++;
    this.#record({ type: 'reconnect_failed', reason });
    this.#scheduleReconnect();
  }

  #scheduleReconnect(): void {
    const delayMs = this.#scaledMs(nth(RECONNECT, this.#failedReconnects + 1));
    this.#reconnectTimer = setTimeout(() => this.#open(false), delayMs);
  }

  #crash(reason: string): void {
    this.#state = 'idle';
    this.#stopTimers();
    this.#dropSocket();
    this.#record({ type: 'crash', reason });
  }

  /** Sends data:unsubscribe and close frame 1011, ends its side of TCP, and drops the socket. */
  #leave(): void {
    const socket = this.#socket;
    const transport = this.#transport;
    this.#stopTimers();
    this.#socket = undefined;
    if (socket?.readyState !== WebSocket.OPEN) return;
    socket.send(JSON.stringify({ msg_type: 'data:unsubscribe', tag: this.#options.tag }));
    socket.close(1011);
    transport?.end(() => socket.terminate());
  }

  #dropSocket(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.terminate();
  }

  #send(message: object): void {
    this.#lastTrafficMs = Date.now();
    this.#socket?.send(JSON.stringify(message));
  }

  #startTimer(seconds: number, run: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(run, this.#scaledMs(seconds));
  }

  #stopTimers(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#reconnectTimer);
  }

  #scaledMs(seconds: number): number {
    return seconds * 1000 * (this.#options.timeFactor ?? 1);
  }

  #log(level: 'warning' | 'error', text: string): void {
    this.#record({ type: 'logged', level, text });
  }

  #record(facts: TeslaMateEventFacts): void {
    this.events.push({ ...facts, atMs: Date.now() } as TeslaMateEvent);
    this.#changed();
  }

  #changed(): void {
    for (const check of [...this.#waiting]) check();
  }
}

/** The n-th value from 1; beyond the end the last one. */
function nth(values: readonly number[], n: number): number {
  return values[Math.min(n, values.length) - 1]!;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
