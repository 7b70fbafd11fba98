// A client of `data:subscribe_all`: every record of a vehicle, or of all that its token grantsVehicle, as JSON. It knows close
// frames, so it is told why it is ended: 1008 a token, 1009 and 1002 what it sent, 1012 a restart, 1013 unread messages.

import { type Access, type ClientAccess, grantsVehicle } from '@fleetbridge/access';
import type { Logger } from '@fleetbridge/service';
import type { WebSocket } from 'ws';
import type { LiveClient, LiveClients } from '../live-clients.js';
import type { StreamingCounts } from '../metrics.js';
import type { LogRecords } from '../records/index.js';
import { pumpRecords, RecordStream, type StreamItem, type StreamStart, streamStart } from '../records/index.js';

const PING_EVERY_MS = 20_000;
const BUFFERED_BYTES = 256_000;
/** A client that does not answer the close frame is cut off. */
const CLOSE_LIMIT_MS = 2_000;
const RETRY_MS = 1_000;

/** A WebSocket whose first message asks for records. */
export interface RawClient {
  webSocket: WebSocket;
  message: string;
  requestToken: string | undefined;
  access: ClientAccess;
}

export interface RawSubscriberOptions {
  access: Access;
  records: LogRecords;
  live: LiveClients;
  counts: StreamingCounts;
  log: Logger;
  unreadLimitMs?: number | undefined;
}

/** Begins at once; returns how to end it. */
export function startRawSubscriber(client: RawClient, options: RawSubscriberOptions): Pick<LiveClient, 'end'> {
  const { webSocket } = client;
  let stream: RecordStream | undefined;
  let isAnswering = true;
  const pings = setInterval(() => {
    if (!isAnswering) return close(1013, 'no answer to pings');
    isAnswering = false;
    webSocket.ping();
  }, PING_EVERY_MS);
  webSocket.on('pong', () => {
    isAnswering = true;
  });
  webSocket.on('close', () => {
    clearInterval(pings);
    stream?.stop();
  });

  const close = (code: number, reason: string): void => {
    stream?.stop();
    if (webSocket.readyState !== webSocket.OPEN) return;
    options.counts.ended[`raw_${code}`] = (options.counts.ended[`raw_${code}`] ?? 0) + 1;
    webSocket.close(code, reason);
    setTimeout(() => webSocket.terminate(), CLOSE_LIMIT_MS).unref();
  };

  void begin(client, options).then(async (wish) => {
    if (webSocket.readyState !== webSocket.OPEN) return;
    if ('refusal' in wish) return close(1008, wish.refusal);
    const { records, counts, log, unreadLimitMs } = options;
    stream = new RecordStream({ records, ...wish });
    log.info({ vins: wish.vins ?? '*', address: client.access.address }, 'raw_subscribed');
    webSocket.send(
      JSON.stringify({ msg_type: 'control:hello', connection_timeout: 2 * PING_EVERY_MS, cursor: stream.cursor }),
    );
    let isTaken: Promise<void> = Promise.resolve();
    const send = (item: StreamItem) => {
      counts.sentRecords.raw = (counts.sentRecords.raw ?? 0) + 1;
      isTaken = new Promise((resolve) => webSocket.send(messageOf(item), () => resolve()));
      return webSocket.bufferedAmount < BUFFERED_BYTES;
    };
    const outcome = await pumpRecords(stream, { send, drained: () => isTaken, unreadLimitMs });
    if (outcome === 'unread') close(1013, 'messages are not read');
  });

  return {
    end: (reason) => {
      close(reason === 'token_revoked' ? 1008 : 1012, reason);
      return new Promise((resolve) => {
        if (webSocket.readyState === webSocket.CLOSED) resolve();
        else webSocket.once('close', () => resolve());
      });
    },
  };
}

type Wish = { vins: string[] | undefined; start: StreamStart } | { refusal: string };

async function begin(
  { webSocket, message, requestToken, access: client }: RawClient,
  options: RawSubscriberOptions,
): Promise<Wish> {
  const { token, tag, cursor, from } = JSON.parse(message) as Record<string, unknown>;
  const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined);
  const shown = text(token) ?? requestToken;
  let grant = await client.identify(shown);
  while (grant === 'unknown' && webSocket.readyState === webSocket.OPEN) {
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    grant = await client.identify(shown);
  }
  if (typeof grant === 'string') return { refusal: 'the token is not accepted' };
  const given = text(tag);
  const vin = given && normalizeVin(given);
  if (vin !== undefined && !grantsVehicle(grant, vin)) {
    options.access.refuse('other_vehicle');
    return { refusal: 'the token is for another vehicle' };
  }
  const start = streamStart({ cursor: text(cursor), from: text(from) }, options.records.partitions);
  if (typeof start === 'string') return { refusal: start };
  const only = vin ?? (grant.vin === '*' ? undefined : grant.vin);
  return { vins: only === undefined ? undefined : [only], start };
}

function messageOf(item: StreamItem): string {
  const { cursor } = item;
  if (item.kind === 'gap') return JSON.stringify({ msg_type: 'data:gap', cursor, first_kept: item.firstKept });
  return `{"msg_type":"data:record","cursor":${JSON.stringify(cursor)},${item.record.json.slice(1)}`;
}
