// One client of the Owner streaming. TeslaMate crashes on a close frame, on an end of TCP while it sends, and on some
// errors; it has one timer of 30 s that every message restarts, and after `vehicle_disconnected` that timer is its
// pending new subscribe. Every rule here is one of these (reference: TeslaMate contract, sections 1 and 2).
import type { Logger } from '@fleetbridge/service';
import { defaultColumns, type FrameRow, formatFrame, parseColumns } from '@fleetbridge/vehicle-state';
import type { WebSocket } from 'ws';
import type { Access } from './access.js';
import type { Feeds } from './feeds.js';
import type { StreamingCounts } from './metrics.js';
import {
  type ClientMessage,
  HELLO,
  parseClientMessage,
  tokenRefused,
  updateMessage,
  vehicleDisconnected,
  vehicleOffline,
} from './owner-messages.js';
import type { FeedListener, VehicleFeed } from './vehicle-feed.js';

/** What a client is given, in milliseconds. The numbers are TeslaMate's timers turned round. */
export const ownerPace = {
  /** Its timer is 30 s; while there is nothing to tell, a hello keeps it from believing that we are gone. */
  helloEveryMs: 10_000,
  /** An error sooner would bring the client back at once, for ever. */
  tokenErrorAfterMs: 25_000,
  /** A client whose token was refused makes a new connection of its own; one that stays is ended. */
  refusedStaysMs: 60_000,
  noSubscribeMs: 60_000,
  /** TeslaMate has no branch for a failed send: TCP ends only when it has been quiet for so long. */
  quietMs: 500,
  /** Redis, which knows tokens and snapshots, is asked again. */
  retryMs: 1_000,
};
export type Pace = typeof ownerPace;
const UNREAD_BYTES = 1_000_000;

export interface SubscriberOptions {
  webSocket: WebSocket;
  /** From the request, for clients that don't send one in their message. */
  requestToken: string | undefined;
  address: string;
  access: Access;
  feeds: Pick<Feeds, 'of'>;
  counts: StreamingCounts;
  log: Logger;
  now: () => number;
  pace: Pace;
}

type Subscription = Extract<ClientMessage, { kind: 'subscribe' }>;

export class Subscriber implements FeedListener {
  readonly #options: SubscriberOptions;
  readonly #webSocket: WebSocket;
  /** What is in force: set by a subscribe, gone after an unsubscribe. */
  #subscription: Subscription | undefined;
  #columns: readonly string[] = defaultColumns;
  #feed: VehicleFeed | undefined;
  /** The vehicle is gone and the client was told so: silence until it subscribes again. */
  #isWaitingForSubscribe = false;
  #wasToldOffline = false;
  #lastValues = '';
  #lastTimeMs = 0;
  #helloTimer: NodeJS.Timeout | undefined;
  #timer: NodeJS.Timeout | undefined;
  #lastHeardMs: number;
  #hasSubscribed = false;

  constructor(options: SubscriberOptions) {
    this.#options = options;
    this.#webSocket = options.webSocket;
    this.#lastHeardMs = options.now();
    this.#timer = setTimeout(() => this.#end('no_subscribe'), options.pace.noSubscribeMs);
    this.#webSocket.on('message', (data, isBinary) => this.#onMessage(isBinary ? '' : data.toString()));
    this.#webSocket.on('error', () => {});
    this.#webSocket.on('close', () => this.#closed());
  }

  /** Ends TCP when the client is quiet, at the latest after a few moments. Resolves when it is done. */
  async endQuietly(reason: string): Promise<void> {
    const { now, pace } = this.#options;
    const deadline = now() + 4 * pace.quietMs;
    const isQuiet = () => this.#hasSubscribed && now() - this.#lastHeardMs >= pace.quietMs;
    while (this.#webSocket.readyState === this.#webSocket.OPEN && !isQuiet() && now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    this.#end(reason);
  }

  // The vehicle's feed speaks.

  frame(row: FrameRow): void {
    if (!this.#subscription || this.#isWaitingForSubscribe) return;
    this.#sendFrame(row);
  }

  online(): void {
    this.#wasToldOffline = false;
    // A client that waits to subscribe again would take any message now for a reason not to.
  }

  offline(): void {
    if (this.#subscription && !this.#isWaitingForSubscribe) this.#sayDisconnected(this.#subscription.tag);
  }

  /** Asks again while the answer is `unknown` and still wanted; undefined when it no longer is. */
  async #settle<T extends string>(ask: () => Promise<T | 'unknown'>, isWanted: () => boolean): Promise<T | undefined> {
    while (isWanted()) {
      const answer = await ask();
      if (answer !== 'unknown') return answer as T;
      await new Promise((resolve) => setTimeout(resolve, this.#options.pace.retryMs));
    }
    return undefined;
  }

  #onMessage(text: string): void {
    this.#lastHeardMs = this.#options.now();
    const message = parseClientMessage(text);
    if (message.kind === 'unknown') {
      this.#options.counts.ignoredMessages++;
      this.#options.log.debug({ reason: message.reason, address: this.#options.address }, 'client_message_ignored');
    } else if (message.kind === 'unsubscribe') {
      this.#unsubscribe();
    } else {
      void this.#subscribe(message);
    }
  }

  async #subscribe(subscription: Subscription): Promise<void> {
    const { access, feeds, counts, log, address, requestToken } = this.#options;
    this.#unsubscribe();
    this.#subscription = subscription;
    this.#hasSubscribed = true;
    const columns = parseColumns(subscription.columns);
    this.#columns = columns instanceof Error ? defaultColumns : columns;
    this.#hello();
    const isStillWanted = () =>
      this.#subscription === subscription && this.#webSocket.readyState === this.#webSocket.OPEN;

    const vin = subscription.tag.toUpperCase();
    const verdict = await this.#settle(() => access.verdict(subscription.token ?? requestToken, vin), isStillWanted);
    if (!isStillWanted()) return;
    if (verdict !== 'granted') {
      counts.refusedTokens++;
      log.warn({ vin, address, remedy: 'docs/teslamate.md' }, 'token_refused');
      this.#refuse(subscription.tag);
      return;
    }
    const feed = feeds.of(vin);
    const isLoaded = await this.#settle(
      () =>
        feed.ready().then(
          () => 'loaded' as const,
          () => 'unknown' as const,
        ),
      isStillWanted,
    );
    if (isLoaded === undefined || !isStillWanted()) return;
    log.info({ vin, address, is_online: feed.isOnline }, 'subscribed');
    this.#feed = feed;
    feed.listen(this);
    if (!feed.isOnline) this.#sayDisconnected(subscription.tag);
    else if (feed.present) this.#sendFrame(feed.present);
  }

  #unsubscribe(): void {
    this.#feed?.leave(this);
    this.#feed = undefined;
    this.#subscription = undefined;
    this.#isWaitingForSubscribe = false;
    this.#lastValues = '';
    clearTimeout(this.#timer);
    clearTimeout(this.#helloTimer);
  }

  #sendFrame(row: FrameRow): void {
    const { counts, now } = this.#options;
    const text = formatFrame(row, this.#columns);
    const values = text.slice(text.indexOf(',') + 1);
    // A column list of its own may not show what changed; TeslaMate would store it as another position.
    if (values === this.#lastValues || row.timeMs < this.#lastTimeMs) return;
    this.#lastValues = values;
    this.#lastTimeMs = row.timeMs;
    counts.frames++;
    counts.lagMs = Math.max(0, now() - row.timeMs);
    this.#send(updateMessage(this.#subscription!.tag, text));
  }

  /**
   * Once a connection "Vehicle is offline", so that the client looks at REST; then a last frame with an empty shift,
   * if the vehicle was parked: after one with a letter the client would ask again every few seconds.
   */
  #sayDisconnected(tag: string): void {
    if (!this.#wasToldOffline) {
      this.#wasToldOffline = true;
      this.#send(vehicleOffline(tag));
      const present = this.#feed?.present;
      if (present?.values.shift_state === 'P' && this.#lastValues !== '') {
        const values = { ...present.values, shift_state: '', power: '0' };
        this.#sendFrame({ timeMs: present.timeMs, values });
      }
    }
    this.#send(vehicleDisconnected(tag));
    clearTimeout(this.#helloTimer);
    this.#isWaitingForSubscribe = true;
  }

  /** As the contract says of a bad token: hello as usual, the error late, the socket left to the client. */
  #refuse(tag: string): void {
    const { tokenErrorAfterMs, refusedStaysMs } = this.#options.pace;
    this.#timer = setTimeout(() => {
      this.#send(tokenRefused(tag));
      clearTimeout(this.#helloTimer);
      this.#timer = setTimeout(() => void this.endQuietly('token_refused'), refusedStaysMs);
    }, tokenErrorAfterMs);
  }

  #hello(): void {
    this.#send(HELLO);
  }

  #send(message: string): void {
    if (this.#webSocket.readyState !== this.#webSocket.OPEN) return;
    this.#webSocket.send(message);
    if (this.#webSocket.bufferedAmount > UNREAD_BYTES) {
      this.#end('messages_unread');
      return;
    }
    clearTimeout(this.#helloTimer);
    this.#helloTimer = setTimeout(() => this.#hello(), this.#options.pace.helloEveryMs);
  }

  #end(reason: string): void {
    if (this.#webSocket.readyState === this.#webSocket.CLOSED) return;
    this.#options.counts.ended[reason] = (this.#options.counts.ended[reason] ?? 0) + 1;
    this.#webSocket.terminate();
  }

  #closed(): void {
    this.#unsubscribe();
  }
}
