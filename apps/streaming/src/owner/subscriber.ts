// One client of the Owner API's streaming. TeslaMate crashes on a close frame, on an end of TCP while it sends, and on
// some errors. Every message restarts its one timer of 30 s, and after `vehicle_disconnected` that timer is the pending
// new subscribe (docs/protocol/teslamate.md#messages, #timers).

import { setTimeout as delay } from 'node:timers/promises';
import { BoundedMap, type ClientAccess } from '@fleetbridge/access';
import { isAfter, isVin, normalizeVin } from '@fleetbridge/protocol';
import type { Logger } from '@fleetbridge/service';
import type { WebSocket } from 'ws';
import type { FeedListener, Feeds, Frame, FrameRequest, VehicleFeed } from '../frames/index.js';
import {
  frameBeforeDrive,
  hasShiftLetter,
  isDriving,
  planReplay,
  Replay,
  withoutShiftLetter,
} from '../frames/index.js';
import type { StreamingCounts } from '../metrics.js';
import { Confirmations, type HeldSlot } from '../resume/index.js';
import { HELLO, parseClientMessage, tokenRejected, vehicleDisconnected, vehicleOffline } from './client-messages.js';
import { HelloTimer } from './hello-timer.js';
import type { Pace } from './pace.js';
import { nothingSent, type SentFrames } from './sent-frames.js';
import { acquireSlot, retryWhile } from './slot-acquisition.js';
import { frameRequest, type Subscription, subscriberName } from './subscription.js';
import { isOrdinaryVin, unknownTagRemedy } from './vehicle-ids.js';

export interface SubscriberOptions {
  webSocket: WebSocket;
  /** From the request, for clients without a token in their message. */
  requestToken: string | undefined;
  address: string;
  access: Pick<ClientAccess, 'authorize'>;
  feeds: Pick<Feeds, 'of' | 'slots'>;
  counts: StreamingCounts;
  log: Logger;
  now: () => number;
  /** Milliseconds of a clock that can't be set. */
  monotonicNow: () => number;
  /** Whether no client of this process has subscribed to the tag before. */
  isFirstSubscribeTo: (tag: string) => boolean;
  pace: Pace;
  /** Called when a client receives frames. */
  onSubscribed?: (principal: string) => void;
  /** Maps a tag to its VIN; default: the tag is the VIN. */
  vinOf?: (tag: string) => string | Promise<string>;
}

const POLL_MS = 20;
/** TeslaMate has one subscription per connection. Each takes about 1 KB, and a client can ask for any column lists. */
const MAX_SUBSCRIPTIONS = 32;
const MAX_TAG_SHOWN = 64;

export class Subscriber implements FeedListener {
  readonly #options: SubscriberOptions;
  readonly #webSocket: WebSocket;
  readonly #confirmations: Confirmations;
  readonly #hello: HelloTimer;
  /** The current subscription; undefined before the first subscribe and after an unsubscribe. */
  #subscription: Subscription | undefined;
  #request: FrameRequest | undefined;
  #feed: VehicleFeed | undefined;
  #slot: HeldSlot | undefined;
  #replay: Replay | undefined;
  /** Frames are sent as the feed makes them. */
  #isLive = false;
  #isEnding = false;
  #offlineSent = false;
  /** By subscriber name, so that no frame is sent twice on this connection, whatever is subscribed to in between. */
  readonly #sentTo = new BoundedMap<SentFrames>({ maxKeys: MAX_SUBSCRIPTIONS });
  #sent: SentFrames = nothingSent('0-0');
  /** The client can already have the next frame: another process had read further than this one. */
  #mayRepeat = false;
  #timer: NodeJS.Timeout | undefined;
  #lastReceivedMs: number;
  #hasSubscribed = false;

  constructor(options: SubscriberOptions) {
    this.#options = options;
    const { webSocket, monotonicNow, pace } = options;
    this.#webSocket = webSocket;
    this.#lastReceivedMs = monotonicNow();
    this.#hello = new HelloTimer({ everyMs: pace.helloEveryMs, now: monotonicNow, sendHello: () => this.#send(HELLO) });
    this.#confirmations = new Confirmations({
      ping: (cursor) => {
        if (this.#isOpen) webSocket.ping(cursor);
      },
      position: () => (this.#slot === undefined ? undefined : this.#sent.upTo),
      onConfirmed: (cursor) => this.#slot?.confirm(cursor),
      onSilence: () => this.#endSoon('no_pong'),
      onError: (error) => this.failed(error),
      now: monotonicNow,
      everyMs: pace.pingEveryMs,
      idleEveryMs: pace.idlePingEveryMs,
      silentMs: pace.noPongEndMs,
    });
    this.#endUnlessSubscribed();
    webSocket.on('message', (data, isBinary) => this.#onMessage(isBinary ? '' : data.toString()));
    webSocket.on('pong', (data) => {
      this.#lastReceivedMs = monotonicNow();
      this.#confirmations.pong(data.toString());
    });
    webSocket.on('error', () => {});
    webSocket.on('close', () => this.#unsubscribe());
  }

  /** Ends TCP as soon as the client is quiet, at the latest after a few times `quietMs`. Resolves when TCP has ended. */
  async endQuietly(reason: string): Promise<void> {
    const { monotonicNow, pace } = this.#options;
    this.#isEnding = true;
    clearTimeout(this.#timer);
    this.#hello.stop();
    const deadline = monotonicNow() + 4 * pace.quietMs;
    // the answer to our ping is something that the client sends, too, and frames that it confirms are not sent again
    const isQuiet = () =>
      this.#hasSubscribed && this.#isAllConfirmed && monotonicNow() - this.#lastReceivedMs >= pace.quietMs;
    while (this.#isOpen && !isQuiet() && monotonicNow() < deadline) await delay(POLL_MS);
    this.#end(reason);
  }

  // Called by the vehicle's feed.

  frame(frame: Frame): void {
    if (!this.#isLive || this.#isEnding) return;
    if (this.#mayRepeat && !isAfter(frame.entryId, this.#sent.upTo)) return;
    this.#mayRepeat = false;
    const { now, counts } = this.#options;
    if (this.#sendFrame(frame)) counts.lagMs = Math.max(0, now() - frame.timeMs);
  }

  online(): void {
    this.#offlineSent = false;
    // nothing is sent: any message would cancel the new subscribe that is pending in the client
  }

  offline(): void {
    if (this.#isLive) this.#sendDisconnected();
  }

  /** A client that reconnects gets what every client gets for an unknown vehicle. */
  forgotten(): void {
    this.#endSoon('vehicle_forgotten');
  }

  failed(err: unknown): void {
    if (this.#isEnding) return;
    this.#options.log.error({ err, address: this.#options.address }, 'subscriber_failed');
    this.#endSoon('internal_error');
  }

  #onMessage(text: string): void {
    const { monotonicNow, counts, log, address } = this.#options;
    this.#lastReceivedMs = monotonicNow();
    if (this.#isEnding) return;
    const message = parseClientMessage(text);
    if (message.kind === 'unknown') {
      counts.ignoredMessages++;
      log.debug({ reason: message.reason, address }, 'client_message_ignored');
    } else if (message.kind === 'unsubscribe') {
      this.#unsubscribe();
      this.#endUnlessSubscribed();
    } else {
      this.#subscribe(message).catch((error) => this.failed(error));
    }
  }

  async #subscribe(subscription: Subscription): Promise<void> {
    const { access, feeds, counts, log, address, requestToken, pace, vinOf } = this.#options;
    this.#leaveFeed();
    this.#subscription = subscription;
    this.#hasSubscribed = true;
    this.#send(HELLO);
    const { tag } = subscription;
    const isWanted = () => this.#subscription === subscription && !this.#isEnding;
    const find = async () => (await vinOf?.(tag)) ?? normalizeVin(tag);
    const vin = await retryWhile(isWanted, pace.retryMs, () => this.#ask(find()));
    if (vin === undefined) return;

    const authorization = await retryWhile(isWanted, pace.retryMs, async () => {
      const answer = await access.authorize(subscription.token ?? requestToken, vin);
      return answer.verdict === 'unknown' ? undefined : answer;
    });
    if (authorization === undefined) return;
    if (authorization.verdict !== 'granted') {
      counts.refusedTokens++;
      this.#reject(tag);
      return;
    }
    if (!isVin(vin)) {
      this.#warnOfUnknownTag(tag);
      // the client subscribes again within 30 s, or has vanished
      this.#sendDisconnected();
      this.#endUnlessSubscribed();
      return;
    }
    const request = frameRequest(subscription);
    const feed = feeds.of(vin);
    this.#feed = feed;
    this.#request = request;
    feed.listen(this);
    const ask = <T>(asked: Promise<T>) => this.#ask(asked);
    const isReady = await retryWhile(isWanted, pace.retryMs, () => ask(feed.framesReady().then(() => true)));
    if (!isReady) return;
    if (feed.isUnknown && !isOrdinaryVin(vin)) this.#warnOfUnknownTag(tag);
    const subscriber = subscriberName(authorization.principal, vin, request.columns);
    if (this.#slot?.subscriber !== subscriber) {
      this.#releaseSlot();
      const prove = () => this.#confirmations.ask();
      const slot = await acquireSlot({ feed, slots: feeds.slots, vin, subscriber, prove, isWanted, ask, pace });
      if (slot === undefined) return;
      this.#slot = slot;
    }
    this.#options.onSubscribed?.(authorization.principal);
    log.info({ vin, address, is_online: feed.isOnline, is_resumed: !this.#slot.isNew }, 'subscribed');
    this.#start(feed, this.#slot, request);
  }

  /** Once per tag: the client subscribes again and again, because the answer is that of an offline vehicle. */
  #warnOfUnknownTag(tag: string): void {
    const { isFirstSubscribeTo, log, address } = this.#options;
    const shown = tag.slice(0, MAX_TAG_SHOWN);
    if (isFirstSubscribeTo(shown)) log.warn({ tag: shown, address, remedy: unknownTagRemedy(shown) }, 'unknown_tag');
  }

  /** undefined: Redis does not answer. */
  async #ask<T>(request: Promise<T>): Promise<T | undefined> {
    try {
      return await request;
    } catch (err) {
      this.#options.log.debug({ err }, 'redis_request_retried');
      return undefined;
    }
  }

  #start(feed: VehicleFeed, slot: HeldSlot, request: FrameRequest, { hasWaited = false } = {}): void {
    const { counts, log, pace } = this.#options;
    const ring = feed.recentFrames();
    const sent = this.#sentTo.get(slot.subscriber) ?? nothingSent(slot.cursor);
    if (!hasWaited && isAfter(slot.cursor, sent.upTo)) sent.upTo = slot.cursor;
    this.#sent = sent;
    this.#sentTo.set(slot.subscriber, sent);
    this.#mayRepeat = true;
    const isNew = slot.isNew && sent.values === '';
    const parked = frameBeforeDrive({ ring, present: feed.present, position: sent.upTo, isNew });
    if (parked && feed.isOnline && !hasWaited) {
      this.#beginDrive(parked, { feed, slot, request });
      return;
    }

    const { first, from, hasGap } = planReplay({ ring, present: feed.present, position: sent.upTo });
    if (hasGap) {
      counts.resumeGaps++;
      log.warn({ vin: slot.vin, from: sent.upTo, first_kept: ring.lostThrough }, 'resume_gap');
    }
    if (first && feed.isOnline) this.#sendFrame(feed.atNewestRecord(first));
    // a frame that equals the last one of an earlier connection is not sent again
    const before = ring.at(ring.after(sent.upTo) - 1);
    if (before && sent.values === '' && !slot.isNew) {
      sent.values = feed.messages.of(before, request).values;
      sent.timeMs = before.timeMs;
      sent.isDriving = isDriving(before);
    } else if (sent.values === '' && !slot.isNew && feed.present) {
      // a long time ago: its last frame is no longer kept
      sent.isDriving = isDriving(feed.present);
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
        if (!feed.isOnline) this.#answerOffline(feed);
      },
      onError: (error) => this.failed(error),
      framesPerSecond: pace.replayFramesPerSecond,
    });
    this.#replay.start();
    this.#confirmations.ask();
  }

  /** The client ignores frames until it has fetched vehicle_data; then it is sent the drive from its beginning. */
  #beginDrive(parked: Frame, { feed, slot, request }: { feed: VehicleFeed; slot: HeldSlot; request: FrameRequest }) {
    this.#sent.values = '';
    this.#sent.upTo = parked.entryId;
    this.#sendIfChanged(parked);
    this.#timer = setTimeout(() => {
      try {
        this.#start(feed, slot, request, { hasWaited: true });
      } catch (error) {
        this.failed(error);
      }
    }, this.#options.pace.driveBeginsMs);
  }

  #unsubscribe(): void {
    this.#leaveFeed();
    this.#releaseSlot();
    this.#subscription = undefined;
    this.#hello.stop();
  }

  /** Keeps the slot: the client can subscribe again on the same connection. */
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

  /** Whether the frame was sent. */
  #sendFrame(frame: Frame): boolean {
    if (this.#isEnding || frame.timeMs < this.#sent.timeMs) return false;
    this.#sent.upTo = frame.entryId;
    this.#sent.isDriving = isDriving(frame);
    return this.#sendIfChanged(frame);
  }

  /**
   * At a subscribe. "Vehicle is offline" makes TeslaMate fetch vehicle_data, which wakes the vehicle where that comes from
   * Tesla. A client in a drive needs it: it must learn from REST whether the drive is over.
   */
  #answerOffline(feed: VehicleFeed): void {
    const frame = this.#offlineSent || this.#sent.isDriving ? undefined : feed.asleepFrame();
    if (frame === undefined) {
      this.#sendDisconnected();
      return;
    }
    this.#sent.values = '';
    this.#sendIfChanged(frame);
    this.#sendVehicleDisconnected();
  }

  #sendIfChanged(frame: Frame): boolean {
    const sent = this.#sent;
    const { text, values } = this.#feed!.messages.of(frame, this.#request!);
    // The client's columns may not show the change. TeslaMate would store the same values as another position.
    if (values === sent.values) return false;
    sent.values = values;
    sent.timeMs = Math.max(sent.timeMs, frame.timeMs);
    sent.last = frame;
    this.#options.counts.frames++;
    this.#send(text);
    this.#confirmations.ask();
    return true;
  }

  /**
   * Once per connection "Vehicle is offline", on which the client reads REST, and a last frame with an empty shift state:
   * after a frame with a letter the client would subscribe again every few seconds.
   */
  #sendDisconnected(): void {
    const { tag } = this.#subscription!;
    if (!this.#offlineSent) {
      this.#offlineSent = true;
      this.#send(vehicleOffline(tag));
      const { last } = this.#sent;
      if (this.#isLive && last && hasShiftLetter(last)) {
        this.#sendIfChanged(withoutShiftLetter(this.#feed!.atNewestRecord(last)));
      }
    }
    this.#sendVehicleDisconnected();
  }

  #sendVehicleDisconnected(): void {
    this.#send(vehicleDisconnected(this.#subscription!.tag));
    this.#hello.stop();
    // silence until the client subscribes again
    this.#isLive = false;
  }

  /** A hello as usual and a late error; the client closes the socket (docs/protocol/teslamate.md#tokens). */
  #reject(tag: string): void {
    const { tokenErrorAfterMs, refusedStaysMs } = this.#options.pace;
    this.#releaseSlot();
    this.#timer = setTimeout(() => {
      this.#send(tokenRejected(tag));
      this.#hello.stop();
      this.#timer = setTimeout(() => this.#endSoon('token_refused'), refusedStaysMs);
    }, tokenErrorAfterMs);
  }

  #send(message: string): void {
    const { pace, counts } = this.#options;
    if (!this.#isOpen || this.#isEnding) return;
    this.#webSocket.send(message);
    if (this.#webSocket.bufferedAmount > pace.unreadBytes) {
      counts.droppedSubscribers++;
      this.#endSoon('messages_unread');
      return;
    }
    this.#hello.messageSent();
  }

  #endUnlessSubscribed(): void {
    this.#timer = setTimeout(() => this.#end('no_subscribe'), this.#options.pace.noSubscribeMs);
  }

  get #isAllConfirmed(): boolean {
    return this.#slot === undefined || !isAfter(this.#sent.upTo, this.#slot.cursor);
  }

  get #isOpen(): boolean {
    return this.#webSocket.readyState === this.#webSocket.OPEN;
  }

  /** For callers that do not wait for the end. */
  #endSoon(reason: string): void {
    this.endQuietly(reason).catch((err) => {
      this.#options.log.error({ err, reason }, 'subscriber_end_failed');
      this.#webSocket.terminate();
    });
  }

  #end(reason: string): void {
    if (!this.#isOpen) return;
    const { ended } = this.#options.counts;
    ended[reason] = (ended[reason] ?? 0) + 1;
    this.#webSocket.terminate();
  }
}
