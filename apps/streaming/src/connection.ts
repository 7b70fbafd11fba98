// A WebSocket whose first message shows what kind of client it is. Until then it is treated as TeslaMate's.
import { setTimeout as delay } from 'node:timers/promises';
import type { ClientAccess } from '@fleetbridge/access';
import type { Logger } from '@fleetbridge/service';
import type { Feeds } from './frames/index.js';
import type { LiveClient } from './live-clients.js';
import type { StreamingCounts } from './metrics.js';
import { ownerPace, type Pace, type SilentWebSocket, Subscriber } from './owner/index.js';
import type { RawClient } from './raw/index.js';

export interface ConnectionOptions {
  access: ClientAccess;
  requestToken: string | undefined;
  feeds: Feeds;
  counts: StreamingCounts;
  log: Logger;
  now: () => number;
  /** Whether no client of this process has subscribed to the tag before. */
  isFirstSubscribeTo: (tag: string) => boolean;
  /** Other delays than TeslaMate's, for tests. */
  pace?: Partial<Pace>;
  /** Called when a client of TeslaMate's kind receives frames. */
  onSubscribed?: (principal: string) => void;
  /** Maps a tag to its VIN; default: the tag is the VIN. */
  vinOf?: (tag: string) => string | Promise<string>;
  /** Serves a client whose first message asks for raw records; returns how to end it. */
  raw?: (client: RawClient) => Pick<LiveClient, 'end'>;
}

const POLL_MS = 20;

export class Connection implements LiveClient {
  readonly access: ClientAccess;
  readonly #webSocket: SilentWebSocket;
  readonly #options: ConnectionOptions;
  readonly #pace: Pace;
  #subscriber: Subscriber | undefined;
  #raw: Pick<LiveClient, 'end'> | undefined;

  constructor(webSocket: SilentWebSocket, options: ConnectionOptions) {
    this.#webSocket = webSocket;
    this.#options = options;
    this.access = options.access;
    this.#pace = { ...ownerPace, ...options.pace };
    webSocket.on('error', () => {});
    const timer = setTimeout(() => this.#terminate('no_subscribe'), this.#pace.noFirstMessageMs);
    webSocket.once('close', () => clearTimeout(timer));
    webSocket.once('message', (data, isBinary) => {
      clearTimeout(timer);
      this.#begin(isBinary ? '' : data.toString());
      if (!this.#raw) webSocket.emit('message', data, isBinary);
    });
  }

  get kind(): string {
    return this.#raw ? 'raw' : 'owner';
  }

  async end(reason: string): Promise<void> {
    const deadlineMs = performance.now() + 4 * this.#pace.quietMs;
    // TeslaMate subscribes at once, and crashes if TCP ends while it sends
    while (!this.#hasBegun && this.#isOpen && performance.now() < deadlineMs) await delay(POLL_MS);
    if (this.#subscriber) await this.#subscriber.endQuietly(reason);
    else if (this.#raw) await this.#raw.end(reason);
    else this.#terminate(reason);
  }

  get #hasBegun(): boolean {
    return this.#subscriber !== undefined || this.#raw !== undefined;
  }

  get #isOpen(): boolean {
    return this.#webSocket.readyState === this.#webSocket.OPEN;
  }

  #begin(message: string): void {
    const { raw, requestToken, access, feeds, counts, log, now, isFirstSubscribeTo, vinOf, onSubscribed } =
      this.#options;
    const webSocket = this.#webSocket;
    if (raw && asksForRawRecords(message)) {
      webSocket.knowsCloseFrames = true;
      this.#raw = raw({ webSocket, message, requestToken, access });
      return;
    }
    this.#subscriber = new Subscriber({
      webSocket,
      requestToken,
      address: access.address,
      access,
      feeds,
      counts,
      log,
      now,
      monotonicNow: () => performance.now(),
      isFirstSubscribeTo,
      pace: this.#pace,
      ...(vinOf === undefined ? {} : { vinOf }),
      ...(onSubscribed === undefined ? {} : { onSubscribed }),
    });
  }

  #terminate(reason: string): void {
    if (this.#webSocket.readyState === this.#webSocket.CLOSED) return;
    const { ended } = this.#options.counts;
    ended[reason] = (ended[reason] ?? 0) + 1;
    this.#webSocket.terminate();
  }
}

function asksForRawRecords(message: string): boolean {
  try {
    return JSON.parse(message)?.msg_type === 'data:subscribe_all';
  } catch {
    // the subscriber ignores and counts what is not JSON
    return false;
  }
}
