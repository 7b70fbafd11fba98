// Records as server-sent events. The id of an event is its cursor, which every EventSource sends back as Last-Event-ID.
// While there are no records, an id without data advances that cursor and keeps the connection open.
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { ClientAccess } from '@fleetbridge/access';
import type { Logger } from '@fleetbridge/service';
import type { LiveClients } from '../live-clients.js';
import type { StreamingCounts } from '../metrics.js';
import { type LogRecords, RecordStream, type StreamItem, type StreamStart, sendRecords } from '../records/index.js';

const KEEP_ALIVE_MS = 15_000;
const RECONNECT_AFTER_MS = 2_000;

export interface EventsOptions {
  client: ClientAccess;
  records: LogRecords;
  live: LiveClients;
  counts: StreamingCounts;
  log: Logger;
  keepAliveMs?: number | undefined;
  unreadLimitMs?: number | undefined;
}

export function sendEvents(
  response: ServerResponse,
  options: EventsOptions & { vins: string[] | undefined; topics: string[] | undefined; start: StreamStart },
): void {
  const { client, records, live, counts, log, vins, topics, start, unreadLimitMs } = options;
  // the client disconnected while its token was looked up: there will be no `close`
  if (response.destroyed) return;
  const stream = new RecordStream({ records, vins, topics, start });
  response.on('error', () => {});
  response.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-cache',
    // otherwise nginx buffers events
    'x-accel-buffering': 'no',
  });
  response.write(`retry: ${RECONNECT_AFTER_MS}\n\n`);
  const timer = setInterval(() => {
    if (!response.writableNeedDrain) response.write(`id: ${stream.cursor}\n\n`);
  }, options.keepAliveMs ?? KEEP_ALIVE_MS);
  const remove = live.add({
    kind: 'events',
    access: client,
    end: () => {
      stream.stop();
      response.end();
    },
  });
  response.once('close', () => {
    clearInterval(timer);
    stream.stop();
    remove();
  });
  const send = (item: StreamItem) => {
    const isReady = response.write(eventOf(item));
    counts.sentRecords.events = (counts.sentRecords.events ?? 0) + 1;
    return isReady;
  };
  const drained = () => drainedOrClosed(response);
  void sendRecords(stream, { kind: 'events', send, drained, counts, log, unreadLimitMs }).then((outcome) => {
    if (outcome === 'stopped') return;
    const reason = outcome === 'unread' ? 'messages_unread' : 'internal_error';
    counts.ended[reason] = (counts.ended[reason] ?? 0) + 1;
    response.destroy();
  });
}

function eventOf(item: StreamItem): string {
  if (item.kind === 'record') return `id: ${item.cursor}\ndata: ${item.record.json}\n\n`;
  return `event: gap\ndata: ${JSON.stringify({ cursor: item.cursor, first_kept: item.firstKept })}\n\n`;
}

async function drainedOrClosed(response: ServerResponse): Promise<void> {
  const ended = new AbortController();
  await Promise.race([once(response, 'drain', ended), once(response, 'close', ended)]).catch(() => {});
  ended.abort();
}
