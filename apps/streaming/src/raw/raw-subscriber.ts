// A client of `data:subscribe_all`: every record of a vehicle, or of all vehicles of its token, as JSON. A close code
// gives the reason of a disconnect: 1008 the token, 1009 and 1002 what it sent, 1011 an internal error, 1012 a restart,
// 1013 unread messages.
import { setTimeout as delay } from 'node:timers/promises';
import { type ClientAccess, grantsVehicle } from '@fleetbridge/access';
import { normalizeVin } from '@fleetbridge/protocol';
import type { Logger } from '@fleetbridge/service';
import type { WebSocket } from 'ws';
import type { LiveClient } from '../live-clients.js';
import type { StreamingCounts } from '../metrics.js';
import {
  type LogRecords,
  RecordStream,
  type StreamItem,
  type StreamStart,
  sendRecords,
  streamStart,
} from '../records/index.js';

const PING_EVERY_MS = 20_000;
const BUFFERED_BYTES = 256_000;
/** A client that does not answer the close frame is disconnected after this. */
const CLOSE_TIMEOUT_MS = 2_000;
const RETRY_MS = 1_000;

/** A WebSocket whose first message asks for records. */
export interface RawClient {
  webSocket: WebSocket;
  message: string;
  requestToken: string | undefined;
  access: ClientAccess;
}

export interface RawSubscriberOptions {
  records: LogRecords;
  counts: StreamingCounts;
  log: Logger;
  unreadLimitMs?: number | undefined;
}

/** Starts at once; returns how to end the client. */
export function startRawSubscriber(client: RawClient, options: RawSubscriberOptions): Pick<LiveClient, 'end'> {
  const { webSocket } = client;
  const { counts, log } = options;
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
    counts.ended[`raw_${code}`] = (counts.ended[`raw_${code}`] ?? 0) + 1;
    webSocket.close(code, reason);
    setTimeout(() => webSocket.terminate(), CLOSE_TIMEOUT_MS).unref();
  };

  const serve = async (): Promise<void> => {
    const request = await readRequest(client, options);
    if (webSocket.readyState !== webSocket.OPEN) return;
    if ('refusal' in request) return close(1008, request.refusal);
    const { records, unreadLimitMs } = options;
    stream = new RecordStream({ records, ...request });
    log.info({ vins: request.vins ?? '*', address: client.access.address }, 'raw_subscribed');
    webSocket.send(
      JSON.stringify({ msg_type: 'control:hello', connection_timeout: 2 * PING_EVERY_MS, cursor: stream.cursor }),
    );
    let sent: Promise<void> = Promise.resolve();
    const send = (item: StreamItem) => {
      const message = messageOf(item);
      sent = new Promise((resolve) => webSocket.send(message, () => resolve()));
      counts.sentRecords.raw = (counts.sentRecords.raw ?? 0) + 1;
      return webSocket.bufferedAmount < BUFFERED_BYTES;
    };
    const sink = { kind: 'raw', send, drained: () => sent, counts, log, unreadLimitMs };
    const outcome = await sendRecords(stream, sink);
    if (outcome === 'unread') close(1013, 'messages are not read');
    if (outcome === 'failed') close(1011, 'internal error');
  };
  serve().catch((err) => {
    log.error({ err, address: client.access.address }, 'raw_subscriber_failed');
    close(1011, 'internal error');
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

type RawRequest = { vins: string[] | undefined; start: StreamStart } | { refusal: string };

async function readRequest(
  { webSocket, message, requestToken, access: client }: RawClient,
  options: RawSubscriberOptions,
): Promise<RawRequest> {
  const { token, tag, cursor, from } = JSON.parse(message) as Record<string, unknown>;
  const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined);
  const presented = text(token) ?? requestToken;
  let grant = await client.identify(presented);
  while (grant === 'unknown' && webSocket.readyState === webSocket.OPEN) {
    await delay(RETRY_MS);
    grant = await client.identify(presented);
  }
  if (typeof grant === 'string') return { refusal: 'the token is not accepted' };
  const given = text(tag);
  const vin = given && normalizeVin(given);
  if (vin !== undefined && !grantsVehicle(grant, vin)) {
    client.refuse('other_vehicle', vin);
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
