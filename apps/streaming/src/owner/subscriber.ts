// One client of the Owner streaming. TeslaMate crashes on a close frame, on an end of TCP while it sends, and on some
// errors; it has one timer of 30 s that every message restarts, and after `vehicle_disconnected` that timer is its
// pending new subscribe. Every rule here is one of these (reference: TeslaMate contract, sections 1 and 2).

import { createHash, randomUUID } from 'node:crypto';
import type { ClientAccess } from '@fleetbridge/access';
import { isAfter, isVin, justBefore, normalizeVin } from '@fleetbridge/protocol';
import type { Logger } from '@fleetbridge/service';
import { defaultColumns, parseColumns } from '@fleetbridge/vehicle-state';
import type { WebSocket } from 'ws';
import type { FeedListener, Feeds, FrameRequest, VehicleFeed } from '../frames/index.js';
import {
  type Frame,
  hasShiftLetter,
  isAfter,
  justBefore,
  planReplay,
  Replay,
  withoutShiftLetter,
} from '../frames/index.js';
import type { StreamingCounts } from '../metrics.js';
import { Confirmations, HeldSlot } from '../resume/index.js';
import {
  type ClientMessage,
  HELLO,
  parseClientMessage,
  tokenRefused,
  vehicleDisconnected,
  vehicleOffline,
} from './client-messages.js';

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
  /** Redis, which knows tokens, snapshots and slots, is asked again. */
  retryMs: 1_000,
  /** Who may have had the slot that this client wants has so little time to show that it is still there. */
  slotAskEveryMs: 50,
  /** What has arrived is asked at most so often, and so often while nothing is sent. */
  pingEveryMs: 1_000,
  idlePingEveryMs: 3_000,
  noPongEndMs: 60_000,
  replayFramesPerSecond: 400,
  /** Past so many unread bytes the client is ended; it comes back to where it was. */
  unreadBytes: 256_000,
};
export type Pace = typeof ownerPace;

export interface SubscriberOptions {
  webSocket: WebSocket;
  /** From the request, for clients that don't send one in their message. */
  requestToken: string | undefined;
  address: string;
  access: Pick<ClientAccess, 'authorize'>;
  feeds: Pick<Feeds, 'of' | 'slots'>;
  counts: StreamingCounts;
  log: Logger;
  now: () => number;
  pace: Pace;
  /** What a tag stands for; default: it is the VIN. */
  vinOf?: (tag: string) => string;
}

type Subscription = Extract<ClientMessage, { kind: 'subscribe' }>;

/** What a client has been sent on this connection, for one subscriber's name. */
interface Sent {
  /** All up to this entry, or not to be sent any more. */
  upTo: string;
  timeMs: number;
  /** Of the last frame, as the client's columns show it; '' = it has none. */
  values: string;
  last: Frame | undefined;
}

export class Subscriber implements FeedListener {
  readonly #options: SubscriberOptions;
  readonly #webSocket: WebSocket;
  readonly #confirmations: Confirmations;
  /** What is in force: set by a subscribe, gone after an unsubscribe. */
  #subscription: Subscription | undefined;
  #request: FrameRequest = { tag: '', columns: defaultColumns, key: '' };
  #feed: VehicleFeed | undefined;
  #slot: HeldSlot | undefined;
  #replay: Replay | undefined;
  /** Frames go out as they come. */
  #isLive = false;
  #isEnding = false;
  #wasToldOffline = false;
  /** By subscriber's name, so that no record is sent twice on this connection, whatever it subscribes to in between. */
  readonly #sentTo = new Map<string, Sent>();
  #sent: Sent = nothingSent('0-0');
  /** The next frame may be one that this client has: another process has read further than this one. */
  #mayRepeat = false;
  #helloTimer: NodeJS.Timeout | undefined;
  #timer: NodeJS.Timeout | undefined;
  #lastHeardMs: number;
  #lastSentMs = 0;
  #hasSubscribed = false;

  constructor(options: SubscriberOptions) {
    this.#options = options;
    const { webSocket, now, pace } = options;
    this.#webSocket = webSocket;
    this.#lastHeardMs = now();
    this.#confirmations = new Confirmations({
      ping: (cursor) => {
        if (webSocket.readyState === webSocket.OPEN) webSocket.ping(cursor);
      },
      position: () => (this.#slot === undefined ? undefined : this.#sent.upTo),
      onConfirmed: (cursor) => this.#slot?.confirm(cursor),
      onSilence: () => void this.endQuietly('no_pong'),
      now,
      everyMs: pace.pingEveryMs,
      idleEveryMs: pace.idlePingEveryMs,
      silentMs: pace.noPongEndMs,
    });
    this.#timer = setTimeout(() => this.#end('no_subscribe'), pace.noSubscribeMs);
    webSocket.on('message', (data, isBinary) => this.#onMessage(isBinary ? '' : data.toString()));
    webSocket.on('pong', (data) => {
      this.#lastHeardMs = now();
      this.#confirmations.pong(data.toString());
    });
    webSocket.on('error', () => {});
    webSocket.on('close', () => this.#unsubscribe());
  }

  /** Ends TCP when the client is quiet, at the latest after a few moments. Resolves when it is done. */
  async endQuietly(reason: string): Promise<void> {
    const { now, pace } = this.#options;
    this.#isEnding = true;
    clearTimeout(this.#timer);
    this.#stopHello();
    const deadline = now() + 4 * pace.quietMs;
    // its answer to our ping is something that it sends, too; and what it has confirmed it is not sent again
    const isQuiet = () => this.#hasSubscribed && this.#isAllConfirmed && now() - this.#lastHeardMs >= pace.quietMs;
    while (this.#webSocket.readyState === this.#webSocket.OPEN && !isQuiet() && now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    this.#end(reason);
  }

  // The vehicle's feed speaks.

  frame(frame: Frame): void {
    if (!this.#isLive || this.#isEnding) return;
    if (this.#mayRepeat && !isAfter(frame.entryId, this.#sent.upTo)) return;
    this.#mayRepeat = false;
    if (this.#sendFrame(frame)) this.#options.counts.lagMs = Math.max(0, this.#lastSentMs - frame.timeMs);
  }

  online(): void {
    this.#wasToldOffline = false;
    // A client that waits to subscribe again would take any message now for a reason not to.
  }

  offline(): void {
    if (this.#isLive) this.#sayDisconnected();
  }

  /** It may come back, and hear then what anybody hears of a vehicle that is not known. */
  forgotten(): void {
    void this.endQuietly('vehicle_forgotten');
  }

  failed(err: unknown): void {
    if (this.#isEnding) return;
    this.#options.log.error({ err, address: this.#options.address }, 'subscriber_failed');
    void this.endQuietly('internal_error');
  }

  #onMessage(text: string): void {
    const { now, counts, log, address, pace } = this.#options;
    this.#lastHeardMs = now();
    if (this.#isEnding) return;
    const message = parseClientMessage(text);
    if (message.kind === 'unknown') {
      counts.ignoredMessages++;
      log.debug({ reason: message.reason, address }, 'client_message_ignored');
    } else if (message.kind === 'unsubscribe') {
      this.#unsubscribe();
      this.#timer = setTimeout(() => this.#end('no_subscribe'), pace.noSubscribeMs);
    } else {
      this.#subscribe(message).catch((error) => this.failed(error));
    }
  }

  async #subscribe(subscription: Subscription): Promise<void> {
    const { access, feeds, counts, log, address, requestToken } = this.#options;
    this.#leaveFeed();
    this.#subscription = subscription;
    this.#hasSubscribed = true;
    this.#send(HELLO);
    const { tag } = subscription;
    const vin = this.#options.vinOf?.(tag) ?? normalizeVin(tag);
    const isWanted = () => this.#subscription === subscription && !this.#isEnding;

    const judgement = await this.#settle(isWanted, async () => {
      const answer = await access.authorize(subscription.token ?? requestToken, vin);
      return answer.verdict === 'unknown' ? undefined : answer;
    });
    if (judgement === undefined) return;
    if (judgement.verdict !== 'granted') {
      counts.refusedTokens++;
      log.warn({ vin: shortened(vin), address, remedy: 'docs/teslamate.md' }, 'token_refused');
      this.#refuse(tag);
      return;
    }
    if (!isVin(vin)) {
      // it asks again in 30 s, or has gone without a word
      this.#sayDisconnected();
      this.#timer = setTimeout(() => this.#end('no_subscribe'), this.#options.pace.noSubscribeMs);
      return;
    }
    const columns = columnsOf(subscription);
    const feed = feeds.of(vin);
    this.#feed = feed;
    feed.listen(this);
    this.#request = { tag, columns, key: `${tag}\n${columns}` };
    const isReady = await this.#settle(isWanted, () => this.#fromRedis(feed.framesReady().then(() => true)));
    if (!isReady) return;
    const slot = await this.#takeSlot(
      feed,
      { vin, subscriber: subscriberName(judgement.principal, vin, columns) },
      isWanted,
    );
    if (slot === undefined) return;
    log.info({ vin, address, is_online: feed.isOnline, is_resumed: !slot.isNew }, 'subscribed');
    this.#start(feed, slot);
  }

  /** Asks again while the answer is undefined and still wanted. */
  async #settle<T>(isWanted: () => boolean, ask: () => Promise<T | undefined>): Promise<T | undefined> {
    while (isWanted()) {
      const answer = await ask();
      if (answer !== undefined) return isWanted() ? answer : undefined;
      await pause(this.#options.pace.retryMs);
    }
    return undefined;
  }

  /** undefined: Redis does not answer now. */
  #fromRedis<T>(asked: Promise<T>): Promise<T | undefined> {
    return asked.catch((err) => {
      this.#options.log.debug({ err }, 'redis_asked_again');
      return undefined;
    });
  }

  /** The one that this connection has, or else that of an earlier one, or a new one. */
  async #takeSlot(
    feed: VehicleFeed,
    { vin, subscriber }: { vin: string; subscriber: string },
    isWanted: () => boolean,
  ): Promise<HeldSlot | undefined> {
    if (this.#slot?.subscriber === subscriber) return this.#slot;
    this.#releaseSlot();
    const { slots } = this.#options.feeds;
    // who is new begins with the present; if nobody is there, with what comes
    const cursor = feed.present && feed.isOnline ? justBefore(feed.present.entryId) : feed.readUpTo;
    const prove = () => this.#confirmations.ask();
    const wish = { vin, subscriber, connectionId: randomUUID(), cursor, prove, isWanted };
    let askedMs: number | undefined;
    for (;;) {
      const answer = await this.#settle(isWanted, () => this.#fromRedis(slots.take({ ...wish, askedMs })));
      if (answer === undefined) return undefined;
      if (answer instanceof HeldSlot) return answer;
      askedMs = answer.askedMs;
      await pause(this.#options.pace.slotAskEveryMs);
    }
  }

  #start(feed: VehicleFeed, slot: HeldSlot): void {
    const { counts, log, pace } = this.#options;
    this.#slot = slot;
    const ring = feed.recentFrames();
    const known = this.#sentTo.get(slot.subscriber);
    const sent = known ?? nothingSent(slot.cursor);
    if (isAfter(slot.cursor, sent.upTo)) sent.upTo = slot.cursor;
    this.#sent = sent;
    this.#sentTo.set(slot.subscriber, sent);
    this.#mayRepeat = true;

    const { first, from, hasGap } = planReplay({ ring, present: feed.present, position: sent.upTo });
    if (hasGap) {
      counts.resumeGaps++;
      log.warn({ vin: slot.vin, from: sent.upTo, first_kept: ring.lostThrough }, 'resume_gap');
    }
    if (first && feed.isOnline) this.#sendFrame(first);
    // what it has from an earlier connection is not sent again for want of a difference
    const before = ring.at(ring.after(sent.upTo) - 1);
    if (before && sent.values === '' && !slot.isNew) {
      sent.values = feed.messages.of(before, this.#request).values;
      sent.timeMs = before.timeMs;
    }
    this.#replay = new Replay({
      ring,
      from,
      send: (frame) => {
        if (this.#sendFrame(frame) && !slot.isNew) counts.replayedFrames++;
      },
      isBusy: () => this.#webSocket.bufferedAmount > pace.unreadBytes / 4,
      onDone: () => {
        this.#replay = undefined;
        this.#isLive = true;
        if (!feed.isOnline) this.#sayDisconnected();
      },
      framesPerSecond: pace.replayFramesPerSecond,
    });
    this.#replay.start();
    this.#confirmations.ask();
  }

  #unsubscribe(): void {
    this.#leaveFeed();
    this.#releaseSlot();
    this.#subscription = undefined;
    this.#stopHello();
  }

  /** Keeps the slot: the client may subscribe again on the same connection. */
  #leaveFeed(): void {
    this.#feed?.leave(this);
    this.#feed = undefined;
    this.#replay?.stop();
    this.#replay = undefined;
    this.#isLive = false;
    clearTimeout(this.#timer);
  }

  #releaseSlot(): void {
    this.#slot?.release();
    this.#slot = undefined;
    this.#confirmations.stop();
  }

  /** Whether there was something to send. */
  #sendFrame(frame: Frame): boolean {
    if (this.#isEnding || frame.timeMs < this.#sent.timeMs) return false;
    this.#sent.upTo = frame.entryId;
    return this.#show(frame);
  }

  #show(frame: Frame): boolean {
    const sent = this.#sent;
    const { text, values } = this.#feed!.messages.of(frame, this.#request);
    // A column list of its own may not show what changed; TeslaMate would store it as another position.
    if (values === sent.values) return false;
    sent.values = values;
    sent.timeMs = frame.timeMs;
    sent.last = frame;
    this.#options.counts.frames++;
    this.#send(text);
    this.#confirmations.ask();
    return true;
  }

  /**
   * Once a connection "Vehicle is offline", so that the client looks at REST; then a last frame with an empty shift:
   * after one with a letter the client would ask again every few seconds.
   */
  #sayDisconnected(): void {
    const { tag } = this.#subscription!;
    if (!this.#wasToldOffline) {
      this.#wasToldOffline = true;
      this.#send(vehicleOffline(tag));
      const { last } = this.#sent;
      if (this.#isLive && last && hasShiftLetter(last)) this.#show(withoutShiftLetter(last));
    }
    this.#send(vehicleDisconnected(tag));
    this.#stopHello();
    // silence until it subscribes again
    this.#isLive = false;
  }

  /** As the contract says of a bad token: hello as usual, the error late, the socket left to the client. */
  #refuse(tag: string): void {
    const { tokenErrorAfterMs, refusedStaysMs } = this.#options.pace;
    this.#releaseSlot();
    this.#timer = setTimeout(() => {
      this.#send(tokenRefused(tag));
      this.#stopHello();
      this.#timer = setTimeout(() => void this.endQuietly('token_refused'), refusedStaysMs);
    }, tokenErrorAfterMs);
  }

  #send(message: string): void {
    const { pace, counts, now } = this.#options;
    if (this.#webSocket.readyState !== this.#webSocket.OPEN || this.#isEnding) return;
    this.#webSocket.send(message);
    if (this.#webSocket.bufferedAmount > pace.unreadBytes) {
      counts.droppedSubscribers++;
      void this.endQuietly('messages_unread');
      return;
    }
    this.#lastSentMs = now();
    this.#helloTimer ??= setTimeout(() => this.#helloIfDue(), pace.helloEveryMs);
  }

  /** The timer runs on while frames are sent, and only then looks at the time. */
  #helloIfDue(): void {
    const leftMs = this.#lastSentMs + this.#options.pace.helloEveryMs - this.#options.now();
    this.#helloTimer = undefined;
    if (leftMs <= 0) this.#send(HELLO);
    else this.#helloTimer = setTimeout(() => this.#helloIfDue(), leftMs);
  }

  #stopHello(): void {
    clearTimeout(this.#helloTimer);
    this.#helloTimer = undefined;
  }

  get #isAllConfirmed(): boolean {
    return this.#slot === undefined || !isAfter(this.#sent.upTo, this.#slot.cursor);
  }

  #end(reason: string): void {
    if (this.#webSocket.readyState !== this.#webSocket.OPEN) return;
    this.#options.counts.ended[reason] = (this.#options.counts.ended[reason] ?? 0) + 1;
    this.#webSocket.terminate();
  }
}

function nothingSent(upTo: string): Sent {
  return { upTo, timeMs: Number.NEGATIVE_INFINITY, values: '', last: undefined };
}

/** A returning subscriber is who has the same token, vehicle and columns. */
function subscriberName(who: string, vin: string, columns: readonly string[]): string {
  return createHash('sha256').update(`${who}\n${vin}\n${columns}`).digest('base64url');
}

/** The default list is always the same object: it needs no formatting of its own. */
function columnsOf(subscription: Subscription): readonly string[] {
  const columns = parseColumns(subscription.columns);
  return columns instanceof Error || columns.join() === defaultColumns.join() ? defaultColumns : columns;
}

function shortened(text: string): string {
  return text.slice(0, 32);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
